#include "random_program.h"

#include <algorithm>
#include <sstream>

#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

namespace keen::test {
namespace {

// Sums and products of whole numbers below 2^24 do not depend on their order. `tame` brings any value back to such.
Tensor tame(const Tensor& x) {
  if (!is_floating(x.dtype())) return x.cast(float32);
  return round(clip(where(isfinite(x), x, 3), -4, 4)) +
         0;  // −0 becomes 0: which of the two is larger is nobody's business
}
Tensor small_integers(const Tensor& x) {
  return x.dtype() == bool_ ? x.cast(int32) : is_integer(x.dtype()) ? x.cast(int32) % 7 : tame(x).cast(int32);
}
Tensor number(const Tensor& x) { return x.dtype() == bool_ ? x.cast(float32) : x; }
Tensor floating(const Tensor& x) { return is_floating(x.dtype()) ? x : x.cast(float32); }

constexpr std::int64_t most_elements = 3000;

class Choices {
 public:
  explicit Choices(std::uint32_t seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<std::uint32_t>(n)); }

 private:
  std::minstd_rand engine_;
};

Tensor unary(const Tensor& x, Choices& choose) {
  const Tensor f = floating(x);
  switch (choose.below(16)) {
    case 0:
      return -number(x);
    case 1:
      return abs(number(x));
    case 2:
      return exp(f);
    case 3:
      return tanh(f);
    case 4:
      return sqrt(abs(f));
    case 5:
      return square(tame(f));
    case 6:
      return relu(f);
    case 7:
      return sigmoid(f);
    case 8:
      return log(f);
    case 9:
      return round(f);
    case 10:
      return isnan(f);
    case 11:
      return sign(number(x));
    case 12:
      return logical_not(x.dtype() == bool_ ? x : number(x) > 0);
    case 13:
      return f * 2.5f;
    case 14:
      return f / 3 + 1;
    default:
      return stop_gradient(x);
  }
}

Tensor binary(const Tensor& a, const Tensor& b, Choices& choose) {
  const Shape shape = broadcast_shapes(a.shape(), b.shape());
  const bool spread = choose.below(3) == 0;  // by a view of its own, as gradients do
  const Tensor x = spread ? broadcast_to(number(a), shape) : number(a);
  const Tensor y = spread ? broadcast_to(number(b), shape) : number(b);
  switch (choose.below(10)) {
    case 0:
      return x + y;
    case 1:
      return x - y;
    case 2:
      return x * y;
    case 3:
      return floating(x) / y;
    case 4:
      return maximum(x, y);
    case 5:
      return minimum(x, y);
    case 6:
      return greater(x, y);
    case 7:
      return equal(x, y);
    case 8:
      return x + y * y;
    default:
      return x * 1 + y;
  }
}

/// Operands that do not broadcast meet as a row and a column.
std::pair<Tensor, Tensor> meeting(const Tensor& a, const Tensor& b) {
  try {
    if (broadcast_shapes(a.shape(), b.shape()).num_elements() <= most_elements) return {a, b};
  } catch (const ShapeError&) {
  }
  const Tensor row = flatten(a), column = flatten(b);
  const auto cut = [](const Tensor& t) { return t(slice(0, std::min<std::int64_t>(t.size(), 40))); };
  return {cut(row), expand_dims(cut(column), 1)};
}

Axes some_axes(const Tensor& x, Choices& choose) {
  Shape axes;
  for (int i = 0; i < x.rank(); ++i)
    if (choose.below(2)) axes.push_back(i);
  return choose.below(4) ? Axes(axes) : Axes();
}

Tensor reduction(const Tensor& in, Choices& choose) {
  const Tensor x = choose.below(3) ? tame(in) : number(in) + 0;
  const Tensor exact = is_floating(x.dtype()) ? tame(x) : x;
  const Axes axes = some_axes(x, choose);
  const bool keepdims = choose.below(2);
  if (x.size() == 0) return sum(exact, axes, keepdims);
  switch (choose.below(7)) {
    case 0: {  // elements and what they are reduced to, which is needed in memory besides
      const Tensor whole = sum(exact, axes, true), rest = exact - broadcast_to(whole, x.shape());
      return rest + max(concat({flatten(whole), flatten(whole)}));
    }
    case 1:
      return sum(exact, axes, keepdims);
    case 2:
      return max(x, axes, keepdims);
    case 3:
      return min(x, axes, keepdims);
    case 4:
      return prod(sign(exact), axes, keepdims);
    default:
      return sum(exact, axes, keepdims) * 0.5f;
  }
}

Tensor rearranged(const Tensor& x, Choices& choose) {
  const int rank = x.rank();
  switch (choose.below(8)) {
    case 0:
      return transpose(x);
    case 1:
      return flatten(x);
    case 2:
      return rank < 4 ? expand_dims(x, choose.below(rank + 1)) : squeeze(x);
    case 3:
      return squeeze(x);
    case 4:
      return rank && x.dim(0) > 1 ? x(slice(1, x.dim(0))) : x;
    case 5:
      return rank && x.dim(-1) > 2 ? x(ellipsis, slice({}, {}, -2)) : x;
    case 6:
      return x.size() * 3 <= most_elements && rank < 4 ? broadcast_to(
                                                             expand_dims(x, 0),
                                                             [&] {
                                                               Shape s = x.shape();
                                                               s.insert(0, 3);
                                                               return s;
                                                             }())
                                                       : x;
    default: {
      if (rank < 2) return x;
      Shape order;
      for (int i = 0; i < rank; ++i) order.push_back((i + 1) % rank);
      return transpose(x, order);
    }
  }
}

Tensor opaque(const Tensor& a, const Tensor& b, Choices& choose) {
  const Tensor x = tame(a), y = tame(b);
  switch (choose.below(5)) {
    case 0: {
      const Tensor rows = reshape(x, {-1, 1}), columns = reshape(y, {1, -1});
      const auto cut = std::min<std::int64_t>({rows.dim(0), columns.dim(1), 30});
      return matmul(rows(slice(0, cut), all_of), columns(all_of, slice(0, cut)));
    }
    case 1:
      return x.rank() == 2 ? matmul(transpose(x), x) : concat({flatten(x), flatten(y)});
    case 2:
      return concat({flatten(a.cast(float32)), flatten(b.cast(float32))});
    case 3:
      return a.size() ? flatten(a)(slice(0, 1)) : a;
    default:
      return x.size() && x.rank() ? gather(x, abs(small_integers(flatten(y))) % static_cast<int>(x.dim(0))) : x;
  }
}

Tensor converted(const Tensor& x, Choices& choose) {
  switch (choose.below(7)) {
    case 0:
      return x.cast(float64);
    case 1:
      return floating(x).cast(float32);
    case 2:
      return small_integers(x);
    case 3:
      return number(x) > 0;
    case 4:
      return small_integers(x).cast(int8);
    case 5:
      return small_integers(x).cast(int64);
    default:
      return tame(x).cast(float16).cast(float32);
  }
}

Tensor execute(const Instruction& instruction, const std::vector<Tensor>& values) {
  Choices choose(instruction.choice);
  const auto in = [&](int k) { return values[static_cast<std::size_t>(instruction.operands[k]) % values.size()]; };
  Tensor out;
  switch (instruction.kind % 14) {
    case 0:
    case 1:
    case 2:
      out = unary(in(0), choose);
      break;
    case 3:
    case 4:
    case 5:
    case 6: {
      const auto [a, b] = meeting(in(0), in(1));
      out = binary(a, b, choose);
      break;
    }
    case 7:
    case 8:
      out = reduction(in(0), choose);
      break;
    case 9:
    case 10:
      out = rearranged(in(0), choose);
      break;
    case 11:
      out = converted(in(0), choose);
      break;
    case 12:
      out = opaque(in(0), in(1), choose);
      break;
    default: {
      const auto [a, b] = meeting(in(0), in(1));
      out = where(number(a) > 0, number(a), choose.below(2) ? number(b) : zeros_like(number(b)));
    }
  }
  // Integers stay small, so that no sum of them meets float32's limits.
  if (out.size() > most_elements) out = flatten(out)(slice(0, 100));
  if (is_integer(out.dtype()) && out.dtype() != int32) out = out % 11;
  return out;
}

}  // namespace

Program Program::draw(std::uint32_t seed) {
  std::mt19937 engine(seed);
  Program program;
  program.seed = seed;
  const int count = 2 + static_cast<int>(engine() % 14);
  for (int i = 0; i < count; ++i) {
    Instruction instruction;
    instruction.kind = static_cast<int>(engine() % 14);
    // Mostly recent values: long chains are what fuses.
    for (int& operand : instruction.operands) {
      const int values = 4 + i;
      operand =
          engine() % 3
              ? values - 1 - static_cast<int>(engine() % std::min<std::uint32_t>(3, static_cast<std::uint32_t>(values)))
              : static_cast<int>(engine() % static_cast<std::uint32_t>(values));
    }
    instruction.choice = engine();
    program.instructions.push_back(instruction);
  }
  program.results.push_back(3 + count);
  for (int i = 0; i < count; ++i)
    if (engine() % 4 == 0) program.results.push_back(4 + i);
  return program;
}

std::vector<Tensor> Program::arguments() const {
  std::mt19937 engine(seed + 1);
  const auto size = [&] {
    constexpr int sizes[] = {1, 2, 3, 6, 8, 17, 36};
    return sizes[engine() % std::size(sizes)];
  };
  const int n = size(), m = size();
  const auto draw = [&](const Shape& shape) { return random::integers(-4, 5, shape, {.seed = engine()}); };
  return {draw({n, m}).cast(float32), draw({m}).cast(float32), draw({n, 1}).cast(float64), draw({n, m}).cast(int32)};
}

std::vector<Tensor> Program::run(const std::vector<Tensor>& arguments) const {
  std::vector<Tensor> values = arguments;
  for (const auto& instruction : instructions) values.push_back(execute(instruction, values));
  std::vector<Tensor> out;
  for (int result : results) out.push_back(values[static_cast<std::size_t>(result) % values.size()]);
  return out;
}

std::string Program::to_string() const {
  std::ostringstream out;
  out << "seed " << seed << ':';
  for (const auto& i : instructions)
    out << " {" << i.kind << ", {" << i.operands[0] << ", " << i.operands[1] << ", " << i.operands[2] << "}, "
        << i.choice << "u}";
  out << " ->";
  for (int r : results) out << ' ' << r;
  return out.str();
}

Program shrink(Program program, const std::function<bool(const Program&)>& fails) {
  const auto without = [](Program p, std::size_t i) {
    const int gone = 4 + static_cast<int>(i);
    const auto renamed = [&](int value) {
      return value == gone ? p.instructions[i].operands[0] : value > gone ? value - 1 : value;
    };
    for (auto& instruction : p.instructions)
      for (int& operand : instruction.operands) operand = renamed(operand);
    for (int& result : p.results) result = renamed(result);
    p.instructions.erase(p.instructions.begin() + static_cast<std::ptrdiff_t>(i));
    return p;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t r = 0; program.results.size() > 1 && r < program.results.size(); ++r) {
      Program next = program;
      next.results.erase(next.results.begin() + static_cast<std::ptrdiff_t>(r));
      if (fails(next)) program = next, smaller = true;
    }
    for (std::size_t i = program.instructions.size(); i-- > 0;) {
      const Program next = without(program, i);
      if (fails(next)) program = next, smaller = true;
    }
  }
  return program;
}

}  // namespace keen::test
