// Comparisons, tests of elements and logic: descriptions, and the public functions.
#include "core/numbers.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {

using F = scalar::Function;

namespace {
constexpr Op compare(const char* name, F function, const char* formula) {
  return elementwise(
      {.name = name,
       .function = function,
       .arity = 2,
       .dtypes = real_numbers,
       .infer = rules::comparison,
       .differentiable = Differentiable::no,
       .formula = formula});
}
constexpr Op logic(const char* name, F function, int arity, const char* formula) {
  return elementwise(
      {.name = name,
       .function = function,
       .arity = arity,
       .dtypes = booleans,
       .differentiable = Differentiable::no,
       .formula = formula});
}
}  // namespace

extern const Op less_op, less_equal_op, greater_op, greater_equal_op;
KEEN_OP(equal) = compare("equal", F::equal, "a == b");
KEEN_OP(not_equal) = compare("not_equal", F::not_equal, "a != b");
KEEN_OP(less) = compare("less", F::less, "a < b");
KEEN_OP(less_equal) = compare("less_equal", F::less_equal, "a <= b");
KEEN_OP(greater) = compare("greater", F::greater, "a > b");
KEEN_OP(greater_equal) = compare("greater_equal", F::greater_equal, "a >= b");
KEEN_OP(logical_and) = logic("logical_and", F::logical_and, 2, "a and b");
KEEN_OP(logical_or) = logic("logical_or", F::logical_or, 2, "a or b");
KEEN_OP(logical_xor) = logic("logical_xor", F::logical_xor, 2, "a xor b");
KEEN_OP(logical_not) = logic("logical_not", F::logical_not, 1, "not x");

namespace {
constexpr Op predicate(const char* name, F function, const char* formula) {
  return elementwise(
      {.name = name,
       .function = function,
       .inputs = Inputs::promote_floating,
       .infer = rules::comparison,
       .differentiable = Differentiable::no,
       .formula = formula});
}
}  // namespace
KEEN_OP(isnan) = predicate("isnan", F::isnan, "x != x");
KEEN_OP(isinf) = predicate("isinf", F::isinf, "|x| == inf");
KEEN_OP(isfinite) = predicate("isfinite", F::isfinite, "|x| < inf");

namespace {

// An integer tensor beside a number outside its dtype's range: +1 where the number is greater than every element, -1 where
// it is less, 0 where it must be looked at.
int beyond_all(const Operand& tensor, const Operand& number) {
  if (number.kind() == Operand::Kind::weak_bool || tensor.is_weak() || !tensor.impl()) return 0;
  return is_integer(tensor.impl()->dtype) ? beyond(number, tensor.impl()->dtype) : 0;
}

// The same answer for every element, as a comparison with the nearest number that the dtype holds: it also has the shape,
// the device and the place in a trace that an answer must have.
Tensor answer_for_all(bool answer, Operand tensor, int side) {
  const DType dtype = tensor.impl()->dtype;
  if (side > 0) return run(answer ? less_equal_op : greater_op, std::move(tensor), greatest(dtype));
  return run(answer ? greater_equal_op : less_op, std::move(tensor), least(dtype));
}

// Compares; numbers out of range are still less or greater than all there is. `if_less` is the answer for a < b,
// `if_greater` that for a > b.
Tensor compared(const Op& op, bool if_less, bool if_greater, Operand&& a, Operand&& b) {
  if (a.is_weak() != b.is_weak()) {
    if (const int side = beyond_all(a, b)) return answer_for_all(side > 0 ? if_less : if_greater, std::move(a), side);
    if (const int side = beyond_all(b, a)) return answer_for_all(side > 0 ? if_greater : if_less, std::move(b), side);
  }
  return run(op, std::move(a), std::move(b));
}

}  // namespace
}  // namespace detail

using detail::compared;
using detail::in_the_name_of;
using detail::run;

Tensor equal(Operand a, Operand b) { return compared(detail::equal_op, false, false, std::move(a), std::move(b)); }
Tensor not_equal(Operand a, Operand b) {
  return compared(detail::not_equal_op, true, true, std::move(a), std::move(b));
}
Tensor less(Operand a, Operand b) { return compared(detail::less_op, true, false, std::move(a), std::move(b)); }
Tensor less_equal(Operand a, Operand b) {
  return compared(detail::less_equal_op, true, false, std::move(a), std::move(b));
}
Tensor greater(Operand a, Operand b) { return compared(detail::greater_op, false, true, std::move(a), std::move(b)); }
Tensor greater_equal(Operand a, Operand b) {
  return compared(detail::greater_equal_op, false, true, std::move(a), std::move(b));
}
Tensor logical_and(Operand a, Operand b) { return run(detail::logical_and_op, std::move(a), std::move(b)); }
Tensor logical_or(Operand a, Operand b) { return run(detail::logical_or_op, std::move(a), std::move(b)); }
Tensor logical_xor(Operand a, Operand b) { return run(detail::logical_xor_op, std::move(a), std::move(b)); }
Tensor isnan(TensorOperand x) { return dispatch(detail::isnan_op, x); }
Tensor isinf(TensorOperand x) { return dispatch(detail::isinf_op, x); }
Tensor isfinite(TensorOperand x) { return dispatch(detail::isfinite_op, x); }
Tensor logical_not(TensorOperand x) { return dispatch(detail::logical_not_op, x); }

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan, Where where) {
  detail::note_line(where);
  return in_the_name_of("allclose", [&] {
    Tensor x = a.cast(float64), y = b.cast(float64);
    Tensor close = (x == y) | ((abs(x - y) <= atol + rtol * abs(y)) & isfinite(y));
    if (equal_nan) close = close | (isnan(x) & isnan(y));
    return all(close).item<bool>();
  });
}

bool array_equal(const Tensor& a, const Tensor& b, Where where) {
  detail::note_line(where);
  return in_the_name_of("array_equal", [&] { return a.shape() == b.shape() && all(a == b).item<bool>(); });
}

}  // namespace keen
