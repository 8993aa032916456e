// Gather and scatter by integer tensors: descriptions with gradients, and the public functions.
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec axis_attribute[] = {{"axis", AttributeKind::integer}};
constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};
constexpr AttributeSpec axis_shape_attributes[] = {{"axis", AttributeKind::integer}, {"shape", AttributeKind::shape}};
constexpr AttributeSpec one_hot_attributes[] = {{"depth", AttributeKind::shape}, {"dtype", AttributeKind::dtype}};

void check_indices(const Op& op, DType dtype) {
  if (dtype == DType::bool_)
    fail<DTypeError>(
        op.name,
        "indices are bool: a mask selects no elements here; where(mask, x, 0) keeps the shape, and "
        "integers are needed to pick elements");
  if (!is_integer(dtype))
    fail<DTypeError>(op.name, "indices are ", name(dtype), ": integers are needed, e.g. x.cast(int64)");
}

void gather_rule(Inference& in) {
  check_indices(in.op, in.dtype(1));
  int axis = static_cast<int>(integer(in.attributes[0]));
  Shape out;
  for (int i = 0; i < axis; ++i) out.push_back(in.shape(0)[i]);
  for (auto d : in.shape(1)) out.push_back(d);
  for (int i = axis + 1; i < in.shape(0).rank(); ++i) out.push_back(in.shape(0)[i]);
  check_size(in.op.name, out);
  in.results[0] = {in.dtype(0), out};
}

// Axis `axis` brought to the front.
Shape to_front(int rank, int axis) {
  Shape p{axis};
  for (int i = 0; i < rank; ++i)
    if (i != axis) p.push_back(i);
  return p;
}

// Rows of the gradient, at the rows that were gathered. Sparse where gather took whole rows of the first dimension, in a trace if it
// knows the sizes of x.
void gather_gradient(Gradient& g) {
  int axis = static_cast<int>(integer(g.attributes()[0]));
  const Shape& shape = g.in_shape(0);
  const Tensor& indices = g.in(1);
  int k = indices.rank();
  Tensor dy = g.dy();
  Shape order;  // the gathered axes first
  for (int i = 0; i < k; ++i) order.push_back(axis + i);
  for (int i = 0; i < dy.rank(); ++i)
    if (i < axis || i >= axis + k) order.push_back(i);
  Shape rows{-1}, moved{shape[axis]};
  for (int i = 0; i < shape.rank(); ++i)
    if (i != axis) {
      rows.push_back(shape[i]);
      moved.push_back(shape[i]);
    }
  Tensor flat = flatten(cast(indices, DType::int64));
  rows[0] = flat.shape().raw(0);
  Tensor updates = reshape(axis == 0 ? dy : transpose(dy, order), rows);
  if (axis == 0 && shape.is_known()) return g.set(0, make_sparse(shape, updates, flat));
  Tensor front = scatter(flat, updates, moved);
  Shape back;
  Shape p = to_front(shape.rank(), axis);
  back.resize(p.rank());
  for (int i = 0; i < p.rank(); ++i) back[static_cast<int>(p[i])] = i;
  g.set(0, axis == 0 ? front : transpose(front, back));
}

void scatter_rule(Inference& in) {
  check_indices(in.op, in.dtype(0));
  const Shape& shape = ints(in.attributes[0]);
  Shape wanted = shape;
  if (in.shape(0).rank() != 1 || shape.empty())
    fail<ShapeError>(
        "scatter", "indices of shape ", in.shape(0), " into shape ", shape,
        ": (n,) into at least one dimension is needed");
  wanted[0] = in.shape(0)[0];
  if (wanted.is_known() && in.shape(1).is_known() && in.shape(1) != wanted)
    fail<ShapeError>("scatter", "updates have shape ", in.shape(1), ", ", wanted, " is needed");
  check_size(in.op.name, shape);
  in.results[0] = {in.dtype(1), shape};
}

void along_axis_check(Inference& in, const Shape& a, const Shape& indices, int axis) {
  bool fits = a.rank() == indices.rank();
  for (int i = 0; fits && i < a.rank(); ++i) fits = i == axis || a[i] == indices[i] || a[i] < 0 || indices[i] < 0;
  if (!fits) fail<ShapeError>(in.op.name, "indices of shape ", indices, " must have shape ", a, " but for axis ", axis);
}

void take_along_axis_rule(Inference& in) {
  check_indices(in.op, in.dtype(1));
  along_axis_check(in, in.shape(0), in.shape(1), static_cast<int>(integer(in.attributes[0])));
  in.results[0] = {in.dtype(0), in.shape(1)};
}

void put_along_axis_rule(Inference& in) {
  check_indices(in.op, in.dtype(0));
  along_axis_check(in, ints(in.attributes[1]), in.shape(0), static_cast<int>(integer(in.attributes[0])));
  in.results[0] = {in.dtype(1), ints(in.attributes[1])};
}

void one_hot_rule(Inference& in) {
  check_indices(in.op, in.dtype(0));
  const std::int64_t depth = ints(in.attributes[0])[0];
  if (depth < 0 && !is_symbol(depth)) fail<ShapeError>("one_hot", "depth ", depth, " may not be negative");
  Shape out = in.shape(0);
  out.push_back(depth);
  check_size(in.op.name, out);
  in.results[0] = {dtype(in.attributes[1]), out};
}

}  // namespace

KEEN_OP(gather){
    .name = "gather",
    .arity = 2,
    .attributes = axis_attribute,
    .infer = gather_rule,
    .cpu = cpu::gather,
    .gradient = gather_gradient,
    .saves = {input(1)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "x[indices]"};

KEEN_OP(scatter){
    .name = "scatter",
    .arity = 2,
    .attributes = shape_attribute,
    .infer = scatter_rule,
    .cpu = cpu::scatter,
    .gradient =
        [](Gradient& g) {
          if (g.wants(1)) g.set(1, keen::gather(g.dy(), g.in(0)));
        },
    .saves = {0, input(0)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "zeros with updates added at rows"};

extern const Op put_along_axis_op;
KEEN_OP(take_along_axis){
    .name = "take_along_axis",
    .arity = 2,
    .attributes = axis_attribute,
    .infer = take_along_axis_rule,
    .cpu = cpu::take_along_axis,
    .gradient =
        [](Gradient& g) {
          if (g.wants(0)) g.set(0, run(put_along_axis_op, {g.attributes()[0], g.in_shape(0)}, g.in(1), g.dy()));
        },
    .saves = {input(1)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "x at indices along an axis"};
KEEN_OP(put_along_axis){
    .name = "put_along_axis",
    .arity = 2,
    .attributes = axis_shape_attributes,
    .infer = put_along_axis_rule,
    .cpu = cpu::put_along_axis,
    .gradient =
        [](Gradient& g) {
          if (g.wants(1)) g.set(1, run(take_along_axis_op, {g.attributes()[0]}, g.dy(), g.in(0)));
        },
    .saves = {0, input(0)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "zeros with updates added along an axis"};

KEEN_OP(one_hot){
    .name = "one_hot",
    .attributes = one_hot_attributes,
    .infer = one_hot_rule,
    .cpu = cpu::one_hot,
    .differentiable = Differentiable::no,
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "1 at the index, 0 elsewhere"};

}  // namespace detail

using namespace detail;

Tensor Tensor::operator[](RowIndices indices) const {
  note_line(indices.where());
  if (checked(*this, "gather").shape.empty()) normalise_axis("gather", 0, 0);  // throws
  return run(gather_op, {std::int64_t{0}}, *this, std::move(indices));
}
Tensor gather(const Tensor& x, const Tensor& indices, int axis, Where where) {
  note_line(where);
  return run(gather_op, {std::int64_t{normalise_axis("gather", axis, checked(x, "gather").shape.rank())}}, x, indices);
}
Tensor take(const Tensor& x, const Tensor& indices, int axis, Where where) {
  note_line(where);
  return in_the_name_of("take", [&] { return gather(x, indices, axis); });
}

Tensor scatter(const Tensor& indices, const Tensor& updates, const keen::Shape& shape, Where where) {
  note_line(where);
  return run(scatter_op, {shape}, indices, updates);
}

Tensor take_along_axis(const Tensor& x, const Tensor& indices, int axis, Where where) {
  note_line(where);
  int at = normalise_axis("take_along_axis", axis, checked(x, "take_along_axis").shape.rank());
  return run(take_along_axis_op, {std::int64_t{at}}, x, indices);
}

Tensor one_hot(const Tensor& indices, Dim depth, DType dtype, Where where) {
  note_line(where);
  return run(one_hot_op, {detail::Shape{depth}, dtype}, indices);
}

}  // namespace keen
