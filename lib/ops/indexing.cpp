// Slices: x[i], x(…), set and what lies below them.
#include "keen/ops/indexing.h"

#include <algorithm>

#include "core/numbers.h"
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
    {"start", AttributeKind::shape}, {"size", AttributeKind::shape}, {"step", AttributeKind::ints}};
constexpr AttributeSpec slice_gradient_attributes[] = {
    {"start", AttributeKind::shape}, {"step", AttributeKind::ints}, {"shape", AttributeKind::shape}};

// Of a trace's slice only the call may know where it lies.
void check_inside(const Shape& whole, const Shape& starts, const Shape& sizes, const Shape& steps) {
  const std::int64_t *shape = whole.data(), *start = starts.data(), *size = sizes.data(), *step = steps.data();
  for (int i = 0; i < whole.rank(); ++i) {
    const std::int64_t n = shape[i];
    if ((start[i] == 0 && size[i] == n) || n < 0 || is_symbol(start[i]) || size[i] <= 0) continue;
    const bool starts_inside = start[i] >= 0 && start[i] < n;
    const std::int64_t last = starts_inside && size[i] > 1 ? start[i] + (size[i] - 1) * step[i] : start[i];
    if (last < 0 || last >= n)
      fail<IndexError>("index", "index ", last, " is out of range for axis ", i, " of size ", n);
  }
}

void slice_rule(Inference& in) {
  check_inside(in.shape(0), ints(in.attributes[0]), ints(in.attributes[1]), ints(in.attributes[2]));
  in.results[0] = {in.dtype(0), ints(in.attributes[1])};
}

Tensor slice_view(const TensorImpl& in, Attributes attributes, const ResultSpec& result) {
  const Shape &start = ints(attributes[0]), &step = ints(attributes[2]);
  Shape strides = in.strides;
  std::int64_t offset = 0;
  bool is_empty = false;
  for (int i = 0; i < strides.rank(); ++i) {
    is_empty |= result.shape[i] == 0;
    offset += start[i] * in.strides[i];
    if (result.shape[i] > 1) strides[i] = in.strides[i] * step[i];
  }
  return make_view(in, result.shape, strides, is_empty ? 0 : offset);
}

void slice_gradient_rule(Inference& in) {
  check_inside(ints(in.attributes[2]), ints(in.attributes[0]), in.shape(0), ints(in.attributes[1]));
  in.results[0] = {in.dtype(0), ints(in.attributes[2])};
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

std::uint64_t magnitude(std::int64_t step) {  // without forming −step, which overflows for the least integer
  return step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
}

// The same as below in sizes that only the call will know. Where the slice is empty, its start may lie outside.
void select_open(Selection& s, int axis, Size n, const Slice& slice) {
  constexpr std::int64_t farthest = std::int64_t{1} << 60;  // beyond every axis
  const auto place = [&](const std::optional<std::int64_t>& at, Size otherwise) {
    if (!at) return otherwise;
    const std::int64_t near = is_symbol(*at) ? *at : std::clamp(*at, -farthest, farthest);
    return Size(open_size(SizeOp::wrap, near, n.symbol()));
  };
  const bool up = slice.step > 0;
  const Size start = up ? max(place(slice.start, Size(0)), 0) : min(place(slice.start, n - 1), n - 1),
             stop = up ? min(place(slice.stop, n), n) : max(place(slice.stop, Size(-1)), -1);
  const auto stride = static_cast<std::int64_t>(std::min(magnitude(slice.step), std::uint64_t{farthest}));
  s.spec.start[axis] = start.symbol();
  s.spec.size[axis] = ((max(up ? stop - start : start - stop, 0) + (stride - 1)) / stride).symbol();
  s.spec.step[axis] = slice.step;
}

bool is_open(const std::optional<std::int64_t>& end) { return end && is_symbol(*end); }

void select_slice(Selection& s, int axis, std::int64_t n, const Slice& slice) {
  if (slice.step == 0) fail<UsageError>("index", "a slice's step may not be 0");
  const bool is_whole = !slice.start && !slice.stop && slice.step == 1;
  if (!is_whole && (n < 0 || is_open(slice.start) || is_open(slice.stop))) {
    select_open(s, axis, Size(n), slice);
  } else if (!is_whole) {
    bool up = slice.step > 0;
    std::int64_t low = up ? 0 : -1, high = up ? n : n - 1;
    std::int64_t start = slice.start ? clamp_to(*slice.start, n, low, high) : up ? 0 : n - 1;
    std::int64_t stop = slice.stop ? clamp_to(*slice.stop, n, low, high) : up ? n : -1;
    std::int64_t distance = up ? stop - start : start - stop;
    std::int64_t count =
        distance <= 0
            ? 0
            : static_cast<std::int64_t>((static_cast<std::uint64_t>(distance) - 1) / magnitude(slice.step)) + 1;
    s.spec.start[axis] = count ? start : 0;
    s.spec.size[axis] = count;
    s.spec.step[axis] = count > 1 ? slice.step : 1;
  }
  s.shape.push_back(s.spec.size[axis]);
}

void select_integer(Selection& s, int axis, std::int64_t n, std::int64_t i) {
  s.spec.size[axis] = 1;
  if (is_symbol(i) || (n < 0 && i < 0)) {
    s.spec.start[axis] = open_size(SizeOp::wrap, i, n);
    return;
  }
  if (n >= 0 && (i < -n || i >= n))
    fail<IndexError>("index", "index ", i, " is out of range for axis ", axis, " of size ", n);
  s.spec.start[axis] = i < 0 ? i + n : i;
}

Selection select(const Shape& shape, std::span<const Index> indices) {
  int named = 0, dots = 0;
  for (auto& i : indices) {
    named += i.kind == Index::Kind::integer || i.kind == Index::Kind::slice;
    dots += i.kind == Index::Kind::ellipsis;
  }
  if (named > shape.rank())
    fail<IndexError>("index", named, " indices for a tensor of rank ", shape.rank(), ": at most one an axis");
  if (dots > 1) fail<IndexError>("index", "two times ellipsis leave open which axes each stands for: write it once");
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

Tensor index(const Tensor& x, std::span<const Index> indices, Where where) {
  note_line(where);
  Selection s = select(checked(x, "index").shape, indices);
  Tensor cut = slice(x, s.spec);
  return cut.shape() == s.shape ? cut : reshape(cut, s.shape);
}

Tensor Tensor::operator[](RowIndex i) const {
  note_line(i.where);
  if (checked(*this, "index").shape.rank() == 0)
    fail<IndexError>("index", "a 0-d tensor has no axis to index: item() gives its value");
  const Index list[] = {Index(i.index)};
  return index(*this, list);
}

Tensor detail::set_number(const Tensor& x, std::initializer_list<Index> indices, const Operand& number, Where where) {
  note_line(where);
  return set(x, indices, number_tensor("set", number, checked(x, "set").dtype));
}

Tensor set(const Tensor& x, std::initializer_list<Index> indices, const Tensor& value, Where line) {
  note_line(line);
  Selection s = in_the_name_of(
      "set", [&] { return select(checked(x, "set").shape, std::span(indices.begin(), indices.size())); });
  const DType given = checked(value, "set").dtype;
  if (x.dtype() == DType::bool_ ? given != DType::bool_ : !always_holds(x.dtype(), given))
    fail<DTypeError>("set", name(value.dtype()), " elements do not fit into ", name(x.dtype()), ": cast one of them");
  Tensor part = cast(value, x.dtype());
  if (!broadcasts_to(part.shape(), s.shape))
    fail<ShapeError>(
        "set", "a value of shape ", value.shape(), " does not broadcast to the place, shape ", s.shape, ": reshape it");
  part = reshape(broadcast_to(part, s.shape), s.spec.size);
  Tensor mask = run(slice_gradient_op, {s.spec.start, s.spec.step, x.shape()}, ones(s.spec.size, {.dtype = bool_}));
  return where(mask, run(slice_gradient_op, {s.spec.start, s.spec.step, x.shape()}, part), x);
}

}  // namespace keen
