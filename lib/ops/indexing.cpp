// Slices, gather and scatter: descriptions with gradients, and the public functions.
#include "keen/ops/indexing.h"

#include <algorithm>

#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"
#include "ops/slicing.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec slice_attributes[] = {
    {"start", AttributeKind::ints}, {"size", AttributeKind::shape}, {"step", AttributeKind::ints}};
constexpr AttributeSpec slice_gradient_attributes[] = {
    {"start", AttributeKind::ints}, {"step", AttributeKind::ints}, {"shape", AttributeKind::shape}};
constexpr AttributeSpec axis_attribute[] = {{"axis", AttributeKind::integer}};
constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};
constexpr AttributeSpec axis_shape_attributes[] = {{"axis", AttributeKind::integer}, {"shape", AttributeKind::shape}};
constexpr AttributeSpec one_hot_attributes[] = {{"depth", AttributeKind::integer}, {"dtype", AttributeKind::dtype}};

void slice_rule(Inference& in) { in.results[0] = {in.dtype(0), ints(in.attributes[1])}; }

Tensor slice_view(const TensorImpl& in, Attributes attributes, const ResultSpec& result) {
  const Shape &start = ints(attributes[0]), &step = ints(attributes[2]);
  Shape strides = in.strides;
  std::int64_t offset = 0;
  for (int i = 0; i < strides.rank(); ++i) {
    offset += start[i] * in.strides[i];
    strides[i] = in.strides[i] * step[i];
  }
  return make_view(in, result.shape, strides, in.size ? offset : 0);
}

void slice_gradient_rule(Inference& in) { in.results[0] = {in.dtype(0), ints(in.attributes[2])}; }

void check_indices(const Op& op, DType dtype) {
  if (!is_integer(dtype)) fail<DTypeError>(op.name, "indices are ", name(dtype), ": integers are needed");
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

// Rows of the gradient, at the rows that were gathered. Sparse where gather took whole rows of the first dimension.
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
  if (rows.is_known() || flat.shape().is_known()) rows[0] = flat.shape()[0];
  Tensor updates = reshape(axis == 0 ? dy : transpose(dy, order), rows);
  if (axis == 0 && !updates.is_symbolic() && shape.is_known()) return g.set(0, make_sparse(shape, updates, flat));
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
  if (integer(in.attributes[0]) < 0)
    fail<ShapeError>("one_hot", "depth ", integer(in.attributes[0]), " may not be negative");
  Shape out = in.shape(0);
  out.push_back(integer(in.attributes[0]));
  check_size(in.op.name, out);
  in.results[0] = {dtype(in.attributes[1]), out};
}

}  // namespace

KEEN_OP(slice_gradient){
    .name = "slice_gradient",
    .attributes = slice_gradient_attributes,
    .infer = slice_gradient_rule,
    .cpu = cpu::slice_gradient,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          g.set(0, slice(g.dy(), {ints(a[0]), g.in_shape(0), ints(a[1])}));
        },
    .formula = "zeros with x at the slice"};

KEEN_OP(slice){
    .name = "slice",
    .attributes = slice_attributes,
    .infer = slice_rule,
    .view = slice_view,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          g.set(0, run(slice_gradient_op, {ints(a[0]), ints(a[2]), g.in_shape(0)}, g.dy()));
        },
    .formula = "x at start, start + step, ..."};

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

SliceSpec whole(const Shape& shape) { return {Shape::filled(shape.rank(), 0), shape, Shape::filled(shape.rank(), 1)}; }

Tensor slice(const Tensor& x, const SliceSpec& spec) { return run(slice_op, {spec.start, spec.size, spec.step}, x); }

Tensor slice_axis(const Tensor& x, int axis, std::int64_t start, std::int64_t size) {
  SliceSpec s = whole(x.shape());
  s.start[axis] = start;
  s.size[axis] = size;
  return slice(x, s);
}

namespace {

// What a list of indices asks for: a slice of x, then a reshape that drops and adds axes.
struct Selection {
  SliceSpec spec;
  Shape shape;
};

std::int64_t clamp_to(std::int64_t v, std::int64_t n, std::int64_t low, std::int64_t high) {
  if (v < 0) v += n;
  return std::clamp(v, low, high);
}

void select_slice(Selection& s, int axis, std::int64_t n, const Slice& slice) {
  if (slice.step == 0) fail<UsageError>("index", "a slice's step may not be 0");
  bool is_whole = !slice.start && !slice.stop && slice.step == 1;
  if (n < 0 && !is_whole)
    fail<ShapeError>(
        "index", "axis ", axis, " has an unknown size while tracing: only whole slices of it can be taken");
  if (!is_whole) {
    bool up = slice.step > 0;
    std::int64_t low = up ? 0 : -1, high = up ? n : n - 1;
    std::int64_t start = slice.start ? clamp_to(*slice.start, n, low, high) : up ? 0 : n - 1;
    std::int64_t stop = slice.stop ? clamp_to(*slice.stop, n, low, high) : up ? n : -1;
    // Counted without forming −step, which overflows for the least integer.
    std::int64_t distance = up ? stop - start : start - stop;
    std::uint64_t stride = up ? static_cast<std::uint64_t>(slice.step) : 0 - static_cast<std::uint64_t>(slice.step);
    std::int64_t count =
        distance <= 0 ? 0 : static_cast<std::int64_t>((static_cast<std::uint64_t>(distance) - 1) / stride) + 1;
    s.spec.start[axis] = count ? start : 0;
    s.spec.size[axis] = count;
    s.spec.step[axis] = count > 1 ? slice.step : 1;
  }
  s.shape.push_back(s.spec.size[axis]);
}

void select_integer(Selection& s, int axis, std::int64_t n, std::int64_t i) {
  if (n < 0 ? i < 0 : (i < -n || i >= n))
    fail<IndexError>(
        "index", "index ", i, " is out of range for axis ", axis, n < 0 ? " of unknown size" : text(" of size ", n));
  s.spec.start[axis] = i < 0 ? i + n : i;
  s.spec.size[axis] = 1;
}

Selection select(const Shape& shape, std::span<const Index> indices) {
  int named = 0, dots = 0;
  for (auto& i : indices) {
    named += i.kind == Index::Kind::integer || i.kind == Index::Kind::slice;
    dots += i.kind == Index::Kind::ellipsis;
  }
  if (named > shape.rank()) fail<IndexError>("index", named, " indices for a tensor of rank ", shape.rank());
  if (dots > 1) fail<IndexError>("index", "only one ellipsis can be told where it stands");
  Selection s{whole(shape), {}};
  int axis = 0, hidden = shape.rank() - named;
  for (auto& i : indices) {
    if (i.kind == Index::Kind::newaxis) s.shape.push_back(1);
    else if (i.kind == Index::Kind::ellipsis)
      for (int k = 0; k < hidden; ++k) s.shape.push_back(shape[axis++]);
    else if (i.kind == Index::Kind::slice) select_slice(s, axis, shape[axis], i.slice), ++axis;
    else select_integer(s, axis, shape[axis], *i.slice.start), ++axis;
  }
  for (; axis < shape.rank(); ++axis) s.shape.push_back(shape[axis]);
  return s;
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor index(const Tensor& x, std::span<const Index> indices) {
  Selection s = select(checked(x, "index").shape, indices);
  Tensor cut = slice(x, s.spec);
  return cut.shape() == s.shape ? cut : reshape(cut, s.shape);
}

Tensor Tensor::operator[](std::int64_t i) const {
  if (checked(*this, "index").shape.rank() == 0) fail<IndexError>("index", "a 0-d tensor has no axis to index");
  const Index list[] = {Index(i)};
  return index(*this, list);
}
Tensor Tensor::operator[](const Tensor& indices) const { return gather(*this, indices); }

Tensor set(const Tensor& x, std::initializer_list<Index> indices, const Tensor& value) {
  Selection s = select(checked(x, "set").shape, std::span(indices.begin(), indices.size()));
  Tensor part = cast(value, x.dtype());
  if (!broadcasts_to(part.shape(), s.shape))
    fail<ShapeError>("set", "a value of shape ", value.shape(), " does not broadcast to the place, shape ", s.shape);
  part = reshape(broadcast_to(part, s.shape), s.spec.size);
  Tensor mask = run(slice_gradient_op, {s.spec.start, s.spec.step, x.shape()}, ones(s.spec.size, {.dtype = bool_}));
  return where(mask, run(slice_gradient_op, {s.spec.start, s.spec.step, x.shape()}, part), x);
}

Tensor gather(const Tensor& x, const Tensor& indices, int axis) {
  return run(gather_op, {std::int64_t{normalise_axis("gather", axis, checked(x, "gather").shape.rank())}}, x, indices);
}
Tensor take(const Tensor& x, const Tensor& indices, int axis) { return gather(x, indices, axis); }

Tensor scatter(const Tensor& indices, const Tensor& updates, const Shape& shape) {
  return run(scatter_op, {shape}, indices, updates);
}

Tensor take_along_axis(const Tensor& x, const Tensor& indices, int axis) {
  int at = normalise_axis("take_along_axis", axis, checked(x, "take_along_axis").shape.rank());
  return run(take_along_axis_op, {std::int64_t{at}}, x, indices);
}

Tensor one_hot(const Tensor& indices, std::int64_t depth, DType dtype) {
  return run(one_hot_op, {depth, dtype}, indices);
}

}  // namespace keen
