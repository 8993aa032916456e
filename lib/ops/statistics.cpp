// Means, variances, norms and logsumexp: reductions made of sums.
#include <limits>

#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {

namespace {

void count_rule(Inference& in) { in.results[0] = {DType::float32, {}}; }
void count_kernel(KernelCall& call) {
  *call.out().as<float>() = static_cast<float>(count_at(call.in(0).shape, ints(call.attributes[0])));
}
constexpr AttributeSpec count_attributes[] = {{"axes", AttributeKind::ints}};

}  // namespace

// How many elements meet in a reduction; an operation of its own because a traced dimension may be unknown.
KEEN_OP(axis_count){
    .name = "axis_count",
    .attributes = count_attributes,
    .infer = count_rule,
    .cpu = count_kernel,
    .differentiable = Differentiable::no,
    .formula = "product of the sizes of the axes"};

extern const Op sum_op, largest_op;

namespace {

// The number of reduced elements: a number where it is known, else a 0-d tensor.
Operand count(const Tensor& x, const Shape& axes) {
  for (auto axis : axes)
    if (x.shape().raw(static_cast<int>(axis)) < 0) return run(axis_count_op, {axes}, x);
  return static_cast<double>(count_at(x.shape(), axes));
}

Tensor as_floating(const Tensor& x) {
  return is_floating(x.dtype()) || is_complex(x.dtype()) ? x : x.cast(DType::float32);
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor mean(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  note_line(where);
  return in_the_name_of("mean", [&] {
    const detail::Shape list = normalise_axes("mean", axes, checked(x, "mean").shape.rank());
    return run(sum_op, {list, keepdims}, as_floating(x)) / count(x, list);
  });
}

Tensor variance(const Tensor& x, const Axes& axes, bool keepdims, int ddof, Where where) {
  note_line(where);
  return in_the_name_of("variance", [&] {
    const detail::Shape list = normalise_axes("variance", axes, checked(x, "variance").shape.rank());
    const Tensor values = as_floating(x);
    const Tensor squares = square(values - mean(values, Axes(list), true));
    Operand n = count(x, list);
    if (ddof == 0) return run(sum_op, {list, keepdims}, squares) / std::move(n);
    return run(sum_op, {list, keepdims}, squares) / maximum(subtract(std::move(n), static_cast<float>(ddof)), 0.f);
  });
}

Tensor std(const Tensor& x, const Axes& axes, bool keepdims, int ddof, Where where) {
  note_line(where);
  return in_the_name_of("std", [&] { return sqrt(variance(x, axes, keepdims, ddof)); });
}

Tensor norm(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  note_line(where);
  checked(x, "norm");
  return in_the_name_of("norm", [&] { return root_of(sum(square(as_floating(x)), axes, keepdims)); });
}

Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims, Where line) {
  note_line(line);
  const detail::Shape list = normalise_axes("logsumexp", axes, checked(x, "logsumexp").shape.rank());
  return in_the_name_of("logsumexp", [&]() -> Tensor {
    const Tensor values = as_floating(x);
    Tensor top = stop_gradient(run(largest_op, {list, true}, values));
    top = where(isfinite(top), top, 0);
    const Tensor out = log(sum(exp(values - top), Axes(list), true)) + top;
    return keepdims ? out : reshape(out, reduced_shape(out.shape(), list, false));
  });
}

}  // namespace keen
