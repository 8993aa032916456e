#include "function/size_table.h"

#include <algorithm>
#include <limits>

#include "core/message.h"

namespace keen::detail {

std::int64_t compute_size(SizeOp op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case SizeOp::add:
      return a + b;
    case SizeOp::subtract:
      return a - b;
    case SizeOp::multiply:
      return a * b;
    case SizeOp::divide:
      if (b == 0) fail<ShapeError>("dim", "a size, ", a, ", is divided by one that is 0 in this call");
      return a / b;
    case SizeOp::maximum:
      return std::max(a, b);
    case SizeOp::minimum:
      return std::min(a, b);
    case SizeOp::broadcast:
      if (a != b && a != 1 && b != 1) fail<ShapeError>("broadcast", "sizes ", a, " and ", b, " do not broadcast");
      return a == 1 ? b : a;
    case SizeOp::wrap:
      return a < 0 ? a + b : a;
    case SizeOp::part:
      if (a % b)
        fail<ShapeError>(
            "split", "an axis of ", a, " elements does not cut into ", b,
            " equal parts: give the sizes of the parts instead");
      return a / b;
  }
  fail<InternalError>("size", "unknown operation");
}

std::int64_t SizeTable::add() {
  list_.emplace_back();
  return symbol(count() - 1);
}

const SizeExpression* SizeTable::expression(std::int64_t symbol) const noexcept {
  if (!has(symbol)) return nullptr;
  const auto& found = list_[static_cast<std::size_t>(symbol_number(symbol))];
  return found ? &*found : nullptr;
}

std::int64_t SizeTable::intern(SizeExpression expression) {
  const auto found = std::find(list_.begin(), list_.end(), expression);
  if (found != list_.end()) return symbol(static_cast<int>(found - list_.begin()));
  list_.emplace_back(std::move(expression));
  return symbol(count() - 1);
}

// --- sums

SizeTable::Sum SizeTable::as_sum(std::int64_t size) const {
  if (!is_symbol(size)) return {.constant = size};
  if (const SizeExpression* e = expression(size); e && e->op == SizeOp::add) return *e;
  return {.terms = {{size, 1}}};
}

/// The size that a sum stands for; equal parts, as many as there are, are the whole again.
std::int64_t SizeTable::of_sum(Sum sum) {
  for (std::size_t i = 0; i < sum.terms.size(); ++i) {
    const auto [part, factor] = sum.terms[i];
    const SizeExpression* e = expression(part);
    if (!e || e->op != SizeOp::part || factor % e->b) continue;
    const std::int64_t whole = e->a, times = factor / e->b;
    sum.terms.erase(sum.terms.begin() + static_cast<std::ptrdiff_t>(i));
    return add_up(of_sum(std::move(sum)), whole, times);
  }
  if (sum.terms.empty()) return sum.constant;
  if (sum.terms.size() == 1 && sum.terms[0].factor == 1 && sum.constant == 0) return sum.terms[0].symbol;
  return intern(std::move(sum));
}

SizeTable::Sum SizeTable::combined(std::int64_t a, std::int64_t b, std::int64_t factor_of_b) const {
  Sum sum = as_sum(a);
  const Sum more = as_sum(b);
  sum.constant += more.constant * factor_of_b;
  for (const auto& term : more.terms) {
    const auto place = std::lower_bound(
        sum.terms.begin(), sum.terms.end(), term, [](const auto& x, const auto& y) { return x.symbol > y.symbol; });
    if (place != sum.terms.end() && place->symbol == term.symbol) place->factor += term.factor * factor_of_b;
    else sum.terms.insert(place, {term.symbol, term.factor * factor_of_b});
  }
  std::erase_if(sum.terms, [](const auto& term) { return term.factor == 0; });
  return sum;
}

std::int64_t SizeTable::add_up(std::int64_t a, std::int64_t b, std::int64_t factor_of_b) {
  return of_sum(combined(a, b, factor_of_b));
}

// --- other operations

std::int64_t SizeTable::multiply(std::int64_t a, std::int64_t b) {
  if (!is_symbol(b)) return add_up(0, a, b);
  if (!is_symbol(a)) return add_up(0, b, a);
  return of_two(SizeOp::multiply, std::max(a, b), std::min(a, b));
}

std::int64_t SizeTable::divide(SizeOp op, std::int64_t a, std::int64_t b) {
  Sum sum = as_sum(a);
  if (is_symbol(b)) {  // x·b / b, which is x for every b but 0, where there is no answer
    if (a == b) return 1;
    if (sum.terms.size() == 1 && sum.terms[0].symbol == b && !sum.constant) return sum.terms[0].factor;
    if (const SizeExpression* e = expression(a); e && e->op == SizeOp::multiply && (e->a == b || e->b == b))
      return e->a == b ? e->b : e->a;
    return of_two(SizeOp::divide, a, b);
  }
  const auto divides = [&](const auto& term) { return b && term.factor % b == 0; };
  if (!b || sum.constant % b || !std::all_of(sum.terms.begin(), sum.terms.end(), divides)) return of_two(op, a, b);
  for (auto& term : sum.terms) term.factor /= b;
  sum.constant /= b;
  return of_sum(std::move(sum));
}

constexpr std::int64_t any_number = std::numeric_limits<std::int32_t>::min();

std::int64_t SizeTable::least(const Sum& sum) const {
  std::int64_t least_sum = sum.constant;
  for (const auto& term : sum.terms) {
    if (term.factor < 0 || least(term.symbol) < 0) return any_number;
    least_sum += term.factor * least(term.symbol);
  }
  return least_sum;
}

/// No call has less.
std::int64_t SizeTable::least(std::int64_t size) const {
  if (!is_symbol(size)) return size;
  const SizeExpression* e = expression(size);
  if (!e) return 0;
  switch (e->op) {
    case SizeOp::add:
      return least(*e);
    case SizeOp::maximum:
      return std::max(least(e->a), least(e->b));
    case SizeOp::minimum:
      return std::min(least(e->a), least(e->b));
    case SizeOp::wrap:
      return any_number;
    case SizeOp::part:
    case SizeOp::broadcast:
      return 0;
    default:  // products and quotients
      return least(e->a) >= 0 && least(e->b) >= 0 ? 0 : any_number;
  }
}

std::int64_t SizeTable::extremum(SizeOp op, std::int64_t a, std::int64_t b) {
  const bool a_is_more = least(combined(a, b, -1)) >= 0, b_is_more = least(combined(b, a, -1)) >= 0;
  if (a_is_more || b_is_more) return a_is_more == (op == SizeOp::maximum) ? a : b;
  return of_two(op, std::max(a, b), std::min(a, b));
}

std::int64_t SizeTable::of_two(SizeOp op, std::int64_t a, std::int64_t b) { return intern({.op = op, .a = a, .b = b}); }

std::int64_t SizeTable::derive(SizeOp op, std::int64_t a, std::int64_t b) {
  if (!is_symbol(a) && !is_symbol(b)) return compute_size(op, a, b);
  switch (op) {
    case SizeOp::add:
      return add_up(a, b, 1);
    case SizeOp::subtract:
      return add_up(a, b, -1);
    case SizeOp::multiply:
      return multiply(a, b);
    case SizeOp::divide:
    case SizeOp::part:
      return divide(op, a, b);
    case SizeOp::maximum:
    case SizeOp::minimum:
      return extremum(op, a, b);
    case SizeOp::wrap:
      if (!is_symbol(a) && a < 0) return add_up(b, a, 1);
      return least(a) >= 0 ? a : of_two(op, a, b);
    case SizeOp::broadcast:
      if (a == b || a == 1 || b == 1) return a == 1 ? b : a;
      return of_two(op, std::max(a, b), std::min(a, b));
  }
  fail<InternalError>("size", "unknown operation");
}

void SizeTable::rename(std::span<const std::int64_t> names) {
  const auto renamed = [&](std::int64_t size) {
    return is_symbol(size) ? names[static_cast<std::size_t>(symbol_number(size))] : size;
  };
  for (auto& expression : list_) {
    if (!expression) continue;
    for (auto& term : expression->terms) term.symbol = renamed(term.symbol);
    expression->a = renamed(expression->a);
    expression->b = renamed(expression->b);
  }
}

}  // namespace keen::detail
