// Sums, products and extrema: descriptions with gradients, and the public functions.
#include "keen/ops/reduce.h"

#include <algorithm>

#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"
#include "ops/slicing.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec over_axes[] = {{"axes", AttributeKind::ints}, {"keepdims", AttributeKind::boolean}};
constexpr AttributeSpec over_axis[] = {{"axis", AttributeKind::integer}, {"keepdims", AttributeKind::boolean}};

const Shape& axes_of(Attributes a) { return ints(a[0]); }
bool keepdims_of(Attributes a) { return boolean(a[1]); }

Shape result_shape(Inference& in) {
  return reduced_shape(in.shape(0), axes_of(in.attributes), keepdims_of(in.attributes));
}

void same_dtype_rule(Inference& in) { in.results[0] = {in.dtype(0), result_shape(in)}; }
void bool_rule(Inference& in) { in.results[0] = {DType::bool_, result_shape(in)}; }
void widening_rule(Inference& in) {
  DType d = in.dtype(0);
  DType wide = is_unsigned_integer(d) ? DType::uint64 : is_integer(d) || d == DType::bool_ ? DType::int64 : d;
  in.results[0] = {wide, result_shape(in)};
}
void extremum_rule(Inference& in) {
  for (auto axis : axes_of(in.attributes))
    if (in.shape(0)[static_cast<int>(axis)] == 0)
      fail<ShapeError>(in.op.name, "nothing to choose from: axis ", axis, " of shape ", in.shape(0), " is empty");
  same_dtype_rule(in);
}
void arg_rule(Inference& in) {
  Shape axes{integer(in.attributes[0])};
  if (in.shape(0)[axes[0]] == 0)
    fail<ShapeError>(in.op.name, "nothing to choose from: axis ", axes[0], " of shape ", in.shape(0), " is empty");
  in.results[0] = {DType::int64, reduced_shape(in.shape(0), axes, boolean(in.attributes[1]))};
}

Tensor expand(Gradient& g, const Tensor& t) {
  return expand_reduced(t, g.in_shape(0), axes_of(g.attributes()), keepdims_of(g.attributes()));
}

// dy shared equally by the elements that are the extremum
void extremum_gradient(Gradient& g) {
  Tensor mask = cast(equal(g.in(0), expand(g, g.out())), g.in_dtype(0));
  Tensor ties = sum(mask, Axes(axes_of(g.attributes())), true);
  g.set(0, expand(g, g.dy()) * (mask / ties));
}

// Π of the other elements of each row of (m, n), by pairs up and down a tree: no division, so that zeros are no
// exception, also for the derivatives of this one.
Tensor product_of_others(const Tensor& x) {
  std::int64_t n = x.shape().raw(1);
  if (n <= 1) return ones_like(x);
  bool odd = n % 2;
  Tensor even = odd ? pad(x, {{0, 0}, {0, 1}}, 1) : x;
  Tensor pairs = reshape(even, {x.dim(0), (n + 1) / 2, 2});
  Tensor left = pairs(ellipsis, 0), right = pairs(ellipsis, 1);
  Tensor others = product_of_others(left * right);
  Tensor both = reshape(stack({others * right, others * left}, 2), even.shape());
  return odd ? slice_axis(both, 1, 0, n) : both;
}

// The same where nobody knows n yet, and so not how high the tree is: n products of n, which a compiled kernel takes
// without memory for them.
Tensor product_of_open_others(const Tensor& x) {
  return prod(where(eye(x.dim(1), {.dtype = DType::bool_}), 1, expand_dims(x, 1)), 2);
}

// ∂Πx/∂xᵢ is the product of the others.
void prod_gradient(Gradient& g) {
  Tensor x = g.in(0);
  const Shape axes = axes_of(g.attributes()), shape = x.shape();
  Shape order, back = Shape::filled(shape.rank(), 0);
  Size kept(1), reduced(1);
  for (int i = 0; i < shape.rank(); ++i) {
    const bool is_reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    (is_reduced ? reduced : kept) *= Size(shape[i]);
    if (!is_reduced) order.push_back(i);
  }
  for (auto axis : axes) order.push_back(axis);
  for (int i = 0; i < shape.rank(); ++i) back[static_cast<int>(order[i])] = i;
  if (x.shape().is_known() && x.size() == 0) return g.set(0, zeros_like(x));
  const Tensor moved = transpose(x, order), rows = reshape(moved, {kept, reduced});
  const Tensor others = reduced.is_known() ? product_of_others(rows) : product_of_open_others(rows);
  g.set(0, expand(g, g.dy()) * transpose(reshape(others, moved.shape()), back));
}

}  // namespace

// d Σx = dy for every x
KEEN_OP(sum){
    .name = "sum",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = widening_rule,
    .cpu = cpu::sum,
    .gradient = [](Gradient& g) { g.set(0, expand(g, g.dy())); },
    .formula = "sum of x"};
KEEN_OP(prod){
    .name = "prod",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = widening_rule,
    .cpu = cpu::prod,
    .gradient = prod_gradient,
    .saves = {input(0)},
    .domain = Domain::nonzero,
    .formula = "product of x"};
KEEN_OP(max){
    .name = "max",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = extremum_rule,
    .cpu = cpu::max,
    .gradient = extremum_gradient,
    .saves = {input(0) | output()},
    .domain = Domain::distinct,
    .formula = "max of x"};
// The same, where there may be none to choose from.
KEEN_OP(largest){
    .name = "largest",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = same_dtype_rule,
    .cpu = cpu::max,
    .gradient = extremum_gradient,
    .saves = {input(0) | output()},
    .domain = Domain::distinct,
    .formula = "max of x, or the lowest number"};
KEEN_OP(min){
    .name = "min",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = extremum_rule,
    .cpu = cpu::min,
    .gradient = extremum_gradient,
    .saves = {input(0) | output()},
    .domain = Domain::distinct,
    .formula = "min of x"};
KEEN_OP(any){
    .name = "any",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = bool_rule,
    .cpu = cpu::any,
    .differentiable = Differentiable::no,
    .formula = "is any x != 0"};
KEEN_OP(all){
    .name = "all",
    .attributes = over_axes,
    .dtypes = real_numbers,
    .infer = bool_rule,
    .cpu = cpu::all,
    .differentiable = Differentiable::no,
    .formula = "is every x != 0"};
KEEN_OP(argmax){
    .name = "argmax",
    .attributes = over_axis,
    .dtypes = real_numbers,
    .infer = arg_rule,
    .cpu = cpu::argmax,
    .differentiable = Differentiable::no,
    .formula = "index of the first max"};
KEEN_OP(argmin){
    .name = "argmin",
    .attributes = over_axis,
    .dtypes = real_numbers,
    .infer = arg_rule,
    .cpu = cpu::argmin,
    .differentiable = Differentiable::no,
    .formula = "index of the first min"};

namespace {

Tensor reduce(const Op& op, const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  note_line(where);
  int rank = checked(x, op.name).shape.rank();
  return run(op, {normalise_axes(op.name, axes, rank), keepdims}, x);
}

Tensor arg(const Op& op, const Tensor& x, int axis, bool keepdims, Where where) {
  note_line(where);
  if (is_point(axis, checked(x, op.name).shape.rank())) return run(op, {std::int64_t{0}, false}, reshape(x, {1}));
  return run(op, {std::int64_t{normalise_axis(op.name, axis, checked(x, op.name).shape.rank())}, keepdims}, x);
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  return reduce(sum_op, x, axes, keepdims, where);
}
Tensor prod(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  return reduce(prod_op, x, axes, keepdims, where);
}
Tensor max(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  return reduce(max_op, x, axes, keepdims, where);
}
Tensor min(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  return reduce(min_op, x, axes, keepdims, where);
}
Tensor any(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  return reduce(any_op, x, axes, keepdims, where);
}
Tensor all(const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  return reduce(all_op, x, axes, keepdims, where);
}
Tensor argmax(const Tensor& x, Where where) {
  note_line(where);
  checked(x, "argmax");
  return argmax(flatten(x), 0);
}
Tensor argmin(const Tensor& x, Where where) {
  note_line(where);
  checked(x, "argmin");
  return argmin(flatten(x), 0);
}
Tensor argmax(const Tensor& x, int axis, bool keepdims, Where where) {
  return arg(argmax_op, x, axis, keepdims, where);
}
Tensor argmin(const Tensor& x, int axis, bool keepdims, Where where) {
  return arg(argmin_op, x, axis, keepdims, where);
}

Tensor Tensor::sum(const Axes& axes, bool keepdims, Where where) const {
  return keen::sum(*this, axes, keepdims, where);
}
Tensor Tensor::mean(const Axes& axes, bool keepdims, Where where) const {
  return keen::mean(*this, axes, keepdims, where);
}
Tensor Tensor::max(const Axes& axes, bool keepdims, Where where) const {
  return keen::max(*this, axes, keepdims, where);
}
Tensor Tensor::min(const Axes& axes, bool keepdims, Where where) const {
  return keen::min(*this, axes, keepdims, where);
}
Tensor Tensor::any(const Axes& axes, bool keepdims, Where where) const {
  return keen::any(*this, axes, keepdims, where);
}
Tensor Tensor::all(const Axes& axes, bool keepdims, Where where) const {
  return keen::all(*this, axes, keepdims, where);
}
Tensor Tensor::argmax(Where where) const { return keen::argmax(*this, where); }
Tensor Tensor::argmax(int axis, bool keepdims, Where where) const { return keen::argmax(*this, axis, keepdims, where); }
Tensor Tensor::argmin(Where where) const { return keen::argmin(*this, where); }
Tensor Tensor::argmin(int axis, bool keepdims, Where where) const { return keen::argmin(*this, axis, keepdims, where); }

}  // namespace keen
