// What the operation descriptions share: axes, attribute shorthands, and operations that other files' gradients use.
#pragma once
#include <vector>

#include "core/context.h"
#include "core/message.h"
#include "core/rules.h"
#include "core/visit.h"
#include "cpu/kernels.h"

namespace keen::detail {

extern const Op add_op, subtract_op, multiply_op, square_op, assign_op;

/// Fields of an elementwise operation's description; the rest follows from the scalar function.
struct Elementwise {
  const char* name;
  scalar::Function function;
  int arity = 1;
  DTypeSet dtypes = floats;
  Inputs inputs = Inputs::promote;
  Rule infer = rules::elementwise;
  Differentiable differentiable = Differentiable::yes;
  GradientFunction gradient = nullptr;
  SaveMask saves_a = 0, saves_b = 0;
  Domain domain = Domain::real;
  const char* formula = "";
};
constexpr Op elementwise(const Elementwise& e) {
  return {
      .name = e.name,
      .arity = e.arity,
      .inputs = e.inputs,
      .dtypes = e.dtypes,
      .infer = e.infer,
      .cpu = cpu::elementwise,
      .scalar = e.function,
      .differentiable = e.differentiable,
      .gradient = e.gradient,
      .saves = {e.saves_a, e.saves_b, 0},
      .domain = e.domain,
      .formula = e.formula};
}

/// The axis counted from 0; IndexError when it is out of range.
int normalise_axis(const char* operation, std::int64_t axis, int rank);
/// A 0-d tensor has no axis; reductions, flips and what works along one axis take 0 and -1 for it all the same, as if it
/// had one of size 1 (as in PyTorch): then the work is done on reshape(x, {1}).
inline bool is_point(std::int64_t axis, int rank) { return rank == 0 && (axis == 0 || axis == -1); }
/// The axes counted from 0, ascending; all of them for `Axes{}`, and none for that of a 0-d tensor. IndexError when out of
/// range or named twice.
Shape normalise_axes(const char* operation, const Axes& axes, int rank);
/// The shape after a reduction.
Shape reduced_shape(const Shape& shape, const Shape& axes, bool keepdims);
/// A dimension of a rule's result: f of the sizes, of which one or more are open; unknown if one has no name.
template <class F, class... Dims>
std::int64_t open_dim(F f, Dims... dims) {
  if (!thread_context.interpreter || ((dims == unknown) || ...)) return unknown;
  return f(Size(dims)...).symbol();
}
/// One shape, as far as the trace knows?
bool may_agree(const Shape& a, const Shape& b);
/// The product of the dimensions at `axes`.
std::int64_t count_at(const Shape& shape, const Shape& axes);
/// Throws ShapeError, naming the operation, when a shape has more elements than can be counted, or, outside a trace, a
/// negative dimension.
void check_size(const char* operation, const Shape& shape);
/// Does a tensor of shape `from` broadcast to exactly `to`? Unknown dimensions may.
bool broadcasts_to(const Shape& from, const Shape& to);
/// Sums `t` down to `shape`, to which it was broadcast from: the gradient of broadcasting.
Tensor sum_to(const Tensor& t, const Shape& shape);
/// The axes of `from` that summing to `to` sums over.
Shape repeated_axes(const Shape& from, const Shape& to);
/// dy of a reduction, broadcast back over `shape`.
Tensor expand_reduced(const Tensor& dy, const Shape& shape, const Shape& axes, bool keepdims);

/// The square root of sums of squares, whose gradient is 0 instead of NaN where they are 0.
Tensor root_of(const Tensor& squares);

/// Strides of `to` over the elements of a strided tensor; false where a reshape must copy.
bool strides_for(const TensorImpl& t, const Shape& to, Shape& strides);

/// Integer sums wrap, without undefined behaviour.
template <class T>
T wrap_add(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
  else return a + b;
}
template <class T>
T wrap_subtract(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) - static_cast<std::make_unsigned_t<T>>(b));
  else return a - b;
}

}  // namespace keen::detail
