// SizeTable: the open sizes of a graph, and how some of them follow from others.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "keen/shape.h"

namespace keen::detail {

// Dimensions of a graph's shapes, and of attributes that are shapes, may be symbols (keen/shape.h). A symbol stands for
// the same size wherever it appears.
constexpr std::int64_t symbol(int number) noexcept { return first_symbol - number; }
constexpr int symbol_number(std::int64_t dim) noexcept { return static_cast<int>(first_symbol - dim); }

/// A size that follows from others: a sum of symbols with factors, or another operation on two sizes.
struct SizeExpression {
  struct Term {
    std::int64_t symbol, factor;
    bool operator==(const Term&) const = default;
  };
  SizeOp op = SizeOp::add;
  std::vector<Term> terms = {};  // of a sum, ordered by symbol
  std::int64_t constant = 0;     // likewise
  std::int64_t a = 0, b = 0;     // of another operation: numbers or symbols
  bool operator==(const SizeExpression&) const = default;
};

/// The symbols of one graph. Equal expressions have one symbol, so that sizes which are the same for every call mostly are
/// seen to be.
class SizeTable {
 public:
  int count() const noexcept { return static_cast<int>(list_.size()); }
  bool empty() const noexcept { return list_.empty(); }
  bool has(std::int64_t dim) const noexcept { return is_symbol(dim) && symbol_number(dim) < count(); }
  /// A symbol of a size that follows from no other.
  std::int64_t add();
  /// The size a op b: a number where it is one for every call.
  std::int64_t derive(SizeOp op, std::int64_t a, std::int64_t b);
  /// Null for a size that follows from no other.
  const SizeExpression* expression(std::int64_t symbol) const noexcept;
  /// Calls `use` with each symbol that a size follows from; with itself where there is none.
  template <class Use>
  void for_each_source(std::int64_t dim, const Use& use) const {
    const SizeExpression* e = expression(dim);
    if (!e) return use(dim);
    for (const auto& term : e->terms) for_each_source(term.symbol, use);
    for (auto operand : {e->a, e->b})
      if (has(operand)) for_each_source(operand, use);
  }
  /// Symbol i is called names[i] from now on.
  void rename(std::span<const std::int64_t> names);

 private:
  using Sum = SizeExpression;
  Sum as_sum(std::int64_t size) const;
  std::int64_t of_sum(Sum sum);
  std::int64_t of_two(SizeOp op, std::int64_t a, std::int64_t b);
  std::int64_t intern(SizeExpression expression);
  Sum combined(std::int64_t a, std::int64_t b, std::int64_t factor_of_b) const;
  std::int64_t add_up(std::int64_t a, std::int64_t b, std::int64_t factor_of_b);
  std::int64_t multiply(std::int64_t a, std::int64_t b);
  std::int64_t divide(SizeOp op, std::int64_t a, std::int64_t b);
  std::int64_t extremum(SizeOp op, std::int64_t a, std::int64_t b);
  std::int64_t least(std::int64_t size) const;
  std::int64_t least(const Sum& sum) const;

  std::vector<std::optional<SizeExpression>> list_;  // by number
};

/// Of two tables with a common beginning, the longer.
inline const SizeTable& larger(const SizeTable& a, const SizeTable& b) { return a.count() < b.count() ? b : a; }

/// a op b of numbers. A ShapeError where it is no size.
std::int64_t compute_size(SizeOp op, std::int64_t a, std::int64_t b);

}  // namespace keen::detail
