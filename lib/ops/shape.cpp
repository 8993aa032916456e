// Views and rearrangements: descriptions with gradients, and the public functions.
#include "keen/ops/shape.h"

#include <algorithm>

#include "keen/ops/indexing.h"
#include "keen/ops/reduce.h"
#include "ops/helpers.h"
#include "ops/slicing.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};
constexpr AttributeSpec permutation_attribute[] = {{"permutation", AttributeKind::ints}};
constexpr AttributeSpec concat_attributes[] = {{"axis", AttributeKind::integer}, {"sizes", AttributeKind::shape}};
constexpr AttributeSpec pad_attributes[] = {
    {"before", AttributeKind::ints}, {"after", AttributeKind::ints}, {"value", AttributeKind::real}};

// --- reshape

[[noreturn]] void bad_reshape(const Shape& from, const Shape& to) {
  fail<ShapeError>("reshape", "shape ", from, " does not have the elements of shape ", to);
}

// The one -1 of `to` worked out from the shape it comes from. Symbolic dimensions cancel where they are the same.
Shape resolve_reshape(const Shape& from, const Shape& to) {
  Shape left = from, out = to;
  int open = -1;
  std::int64_t known = 1, given = 1;
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == unknown) {
      if (open >= 0) fail<ShapeError>("reshape", "shape ", to, " leaves more than one dimension open");
      open = i;
    } else if (to[i] < 0) {
      auto same = std::find(left.begin(), left.end(), to[i]);
      if (same == left.end()) return out;  // cannot be checked before the call
      left.erase(static_cast<int>(same - left.begin()));
    } else if (__builtin_mul_overflow(given, to[i], &given)) {
      fail<ShapeError>("reshape", "shape ", to, " has more elements than 63 bits can count");
    }
  }
  if (!left.is_known()) {
    // One symbol is left over: it is the open dimension itself when everything else agrees.
    std::int64_t symbol = unknown;
    int symbols = 0;
    for (auto d : left) d < 0 ? (symbol = d, ++symbols) : known *= d;
    if (open >= 0) out[open] = symbols == 1 && known == given ? symbol : unknown;
    return out;
  }
  known = left.num_elements();
  if (open < 0) {
    if (known != given) bad_reshape(from, to);
  } else {
    if (given == 0 || known % given != 0) bad_reshape(from, to);
    out[open] = known / given;
  }
  return out;
}

void reshape_rule(Inference& in) {
  in.results[0] = {in.dtype(0), resolve_reshape(in.shape(0), ints(in.attributes[0]))};
}

}  // namespace

// Runs of axes that lie together are split and joined, others cannot be.
bool strides_for(const TensorImpl& t, const Shape& to, Shape& strides) {
  strides = contiguous_strides(to);
  if (t.is_contiguous() || t.size == 0) return true;
  Shape dims, steps;
  for (int i = 0; i < t.shape.rank(); ++i)
    if (t.shape[i] != 1) {
      dims.push_back(t.shape[i]);
      steps.push_back(t.strides[i]);
    }
  int from = 0, at = 0;
  while (from < dims.rank()) {
    std::int64_t a = dims[from], b = 1;
    int first = from++, begin = at;
    while (at < to.rank() && (b < a || to[at] == 1)) {
      b *= to[at++];
      while (a < b && from < dims.rank()) a *= dims[from++];
    }
    if (a != b) return false;
    for (int i = first; i + 1 < from; ++i)
      if (steps[i] != steps[i + 1] * dims[i + 1]) return false;
    std::int64_t step = steps[from - 1];
    for (int i = at - 1; i >= begin; --i) {
      strides[i] = step;
      step *= to[i];
    }
  }
  for (; at < to.rank(); ++at) strides[at] = 1;
  return true;
}

namespace {

Tensor reshape_view(const TensorImpl& in, Attributes, const ResultSpec& result) {
  Shape strides;
  if (strides_for(in, result.shape, strides)) return make_view(in, result.shape, strides, 0);
  Tensor copy = make_result("reshape", in.dtype, result.shape, in.device);
  cpu::copy_strided(copy.impl()->data, in);
  return copy;
}

// --- transpose

void transpose_rule(Inference& in) {
  const Shape &shape = in.shape(0), &permutation = ints(in.attributes[0]);
  Shape out = shape;
  for (int i = 0; i < shape.rank(); ++i) out[i] = shape[static_cast<int>(permutation[i])];
  in.results[0] = {in.dtype(0), out};
}

Tensor transpose_view(const TensorImpl& in, Attributes attributes, const ResultSpec& result) {
  Shape strides = in.strides;
  const Shape& permutation = ints(attributes[0]);
  for (int i = 0; i < strides.rank(); ++i) strides[i] = in.strides[static_cast<int>(permutation[i])];
  return make_view(in, result.shape, strides, 0);
}

Shape inverse(const Shape& permutation) {
  Shape out = permutation;
  for (int i = 0; i < permutation.rank(); ++i) out[static_cast<int>(permutation[i])] = i;
  return out;
}

// --- broadcast_to

void broadcast_rule(Inference& in) {
  const Shape &from = in.shape(0), &to = ints(in.attributes[0]);
  if (!broadcasts_to(from, to)) fail<ShapeError>("broadcast_to", "shape ", from, " does not broadcast to ", to);
  check_size(in.op.name, to);
  in.results[0] = {in.dtype(0), to};
}

Tensor broadcast_view(const TensorImpl& in, Attributes, const ResultSpec& result) {
  Shape strides = Shape::filled(result.shape.rank(), 0);
  for (int i = 1; i <= in.shape.rank(); ++i)
    if (in.shape[-i] != 1) strides[-i] = in.strides[-i];
  return make_view(in, result.shape, strides, 0);
}

// --- concat and pad

void concat_rule(Inference& in) {
  int axis = static_cast<int>(integer(in.attributes[0]));
  Shape out = in.shape(0);
  for (int i = 1; i < in.arity(); ++i) {
    Shape next = in.shape(i);
    bool fits = next.rank() == out.rank();
    for (int k = 0; fits && k < out.rank(); ++k) fits = k == axis || next[k] == out[k] || next[k] < 0 || out[k] < 0;
    if (!fits) fail<ShapeError>("concat", "shapes ", in.shape(0), " and ", next, " differ outside axis ", axis);
    if (out[axis] < 0 || next[axis] < 0) out[axis] = unknown;
    else if (__builtin_add_overflow(out[axis], next[axis], &out[axis]))
      fail<ShapeError>("concat", "axis ", axis, " grows beyond 63 bits");
  }
  check_size(in.op.name, out);
  in.results[0] = {in.dtype(0), out};
}

void concat_gradient(Gradient& g) {
  int axis = static_cast<int>(integer(g.attributes()[0]));
  const Shape& sizes = ints(g.attributes()[1]);
  std::int64_t start = 0;
  for (int i = 0; i < g.inputs(); ++i) {
    if (g.wants(i)) g.set(i, slice_axis(g.dy(), axis, start, sizes[i]));
    start += sizes[i];
  }
}

void pad_rule(Inference& in) {
  Shape out = in.shape(0);
  const Shape &before = ints(in.attributes[0]), &after = ints(in.attributes[1]);
  for (int i = 0; i < out.rank(); ++i) {
    if (before[i] < 0 || after[i] < 0)
      fail<ShapeError>("pad", "widths ", before.numbers(), " and ", after.numbers(), " may not be negative");
    if (out[i] >= 0 &&
        (__builtin_add_overflow(out[i], before[i], &out[i]) || __builtin_add_overflow(out[i], after[i], &out[i])))
      fail<ShapeError>("pad", "axis ", i, " grows beyond 63 bits");
  }
  check_size(in.op.name, out);
  in.results[0] = {in.dtype(0), out};
}

void pad_gradient(Gradient& g) {
  const Shape& before = ints(g.attributes()[0]);
  SliceSpec s = whole(g.in_shape(0));
  s.start = before;
  g.set(0, slice(g.dy(), s));
}

void contiguous_rule(Inference& in) { rules::same(in); }

}  // namespace

KEEN_OP(reshape){
    .name = "reshape",
    .attributes = shape_attribute,
    .infer = reshape_rule,
    .view = reshape_view,
    .gradient = [](Gradient& g) { g.set(0, keen::reshape(g.dy(), g.in_shape(0))); },
    .formula = "x with another shape"};
KEEN_OP(transpose){
    .name = "transpose",
    .attributes = permutation_attribute,
    .infer = transpose_rule,
    .view = transpose_view,
    .gradient = [](Gradient& g) { g.set(0, keen::transpose(g.dy(), inverse(ints(g.attributes()[0])))); },
    .formula = "x with its axes permuted"};
KEEN_OP(broadcast_to){
    .name = "broadcast_to",
    .attributes = shape_attribute,
    .infer = broadcast_rule,
    .view = broadcast_view,
    .gradient = [](Gradient& g) { g.set(0, sum_to(g.dy(), g.in_shape(0))); },
    .formula = "x repeated along axes of size 1"};
KEEN_OP(concat){
    .name = "concat",
    .arity = variadic,
    .attributes = concat_attributes,
    .inputs = Inputs::promote,
    .infer = concat_rule,
    .cpu = cpu::concat,
    .gradient = concat_gradient,
    .formula = "the inputs one after another along an axis"};
KEEN_OP(pad){
    .name = "pad",
    .attributes = pad_attributes,
    .dtypes = real_numbers,
    .infer = pad_rule,
    .cpu = cpu::pad,
    .gradient = pad_gradient,
    .formula = "x with a border of value"};
KEEN_OP(contiguous){
    .name = "contiguous",
    .infer = contiguous_rule,
    .cpu = cpu::copy,
    .gradient = [](Gradient& g) { g.set(0, g.dy()); },
    .formula = "x in row-major memory"};

}  // namespace detail

using namespace detail;

Tensor reshape(const Tensor& x, const Shape& shape) {
  const Shape& from = checked(x, "reshape").shape;
  for (auto d : shape)
    if (d < unknown && from.is_known()) fail<ShapeError>("reshape", "shape ", shape, " has a negative dimension");
  return run(reshape_op, {shape.is_known() ? shape : resolve_reshape(from, shape)}, x);
}
Tensor flatten(const Tensor& x) { return reshape(x, {-1}); }

Tensor transpose(const Tensor& x) {
  Shape reversed = Shape::filled(checked(x, "transpose").shape.rank(), 0);
  for (int i = 0; i < reversed.rank(); ++i) reversed[i] = reversed.rank() - 1 - i;
  return run(transpose_op, {reversed}, x);
}
Tensor transpose(const Tensor& x, const Shape& permutation) {
  int rank = checked(x, "transpose").shape.rank();
  Shape axes = normalise_axes("transpose", Axes(permutation), rank);
  if (axes.rank() != rank)
    fail<ShapeError>("transpose", "permutation ", permutation, " does not name all ", rank, " axes");
  Shape positive = permutation;
  for (auto& axis : positive) axis = axis < 0 ? axis + rank : axis;
  return run(transpose_op, {positive}, x);
}

Tensor squeeze(const Tensor& x, const Axes& axes) {
  const Shape& from = checked(x, "squeeze").shape;
  Shape list, out;
  if (!axes.all()) list = normalise_axes("squeeze", axes, from.rank());
  for (int i = 0; i < from.rank(); ++i) {
    bool named = std::find(list.begin(), list.end(), i) != list.end();
    if (named && from[i] != 1)
      fail<ShapeError>("squeeze", "axis ", i, " of shape ", from, " has size ", from[i], ", not 1");
    if (!(named || (axes.all() && from[i] == 1))) out.push_back(from[i]);
  }
  return run(reshape_op, {out}, x);
}

Tensor expand_dims(const Tensor& x, int axis) {
  Shape out = checked(x, "expand_dims").shape;
  out.insert(normalise_axis("expand_dims", axis, out.rank() + 1), 1);
  return run(reshape_op, {out}, x);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (checked(x, "broadcast_to").shape == shape) return x;

  return run(broadcast_to_op, {shape}, x);
}

Tensor flip(const Tensor& x, const Axes& axes) {
  SliceSpec s = whole(checked(x, "flip").shape);
  for (auto axis : normalise_axes("flip", axes, x.rank())) {
    int i = static_cast<int>(axis);
    if (s.size[i] < 0) fail<ShapeError>("flip", "axis ", i, " of shape ", x.shape(), " must be known while tracing");
    s.start[i] = std::max<std::int64_t>(s.size[i] - 1, 0);
    s.step[i] = -1;
  }
  return slice(x, s);
}

Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) fail<UsageError>("concat", "no tensors to join");
  int at = normalise_axis("concat", axis, checked(tensors[0], "concat").shape.rank());
  std::vector<Operand> operands;
  Shape sizes;
  for (auto& t : tensors) {
    const Shape& shape = checked(t, "concat").shape;
    sizes.push_back(at < shape.rank() ? shape[at] : 0);
    operands.emplace_back(t);
  }
  Attribute attributes[] = {std::int64_t{at}, sizes};
  return dispatch(concat_op, operands, attributes);
}

Tensor stack(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) fail<UsageError>("stack", "no tensors to join");
  int at = normalise_axis("stack", axis, checked(tensors[0], "stack").shape.rank() + 1);
  std::vector<Tensor> rows;
  for (auto& t : tensors) {
    if (checked(t, "stack").shape != tensors[0].shape())
      fail<ShapeError>("stack", "shapes ", tensors[0].shape(), " and ", t.shape(), " differ");
    rows.push_back(expand_dims(t, at));
  }
  Shape whole = rows[0].shape();
  whole[at] = static_cast<std::int64_t>(rows.size());
  check_size("stack", whole);
  return concat(rows, at);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int axis) {
  int at = normalise_axis("split", axis, checked(x, "split").shape.rank());
  std::int64_t total = 0;
  for (auto s : sizes) {
    if (s < 0 || __builtin_add_overflow(total, s, &total))
      fail<ShapeError>("split", "part sizes ", Shape(sizes), " make no sense");
  }
  if (x.shape()[at] >= 0 && total != x.shape()[at])
    fail<ShapeError>("split", "parts of ", total, " in all do not fill axis ", at, " of shape ", x.shape());
  std::vector<Tensor> out;
  std::int64_t start = 0;
  for (auto s : sizes) {
    out.push_back(slice_axis(x, at, start, s));
    start += s;
  }
  return out;
}

std::vector<Tensor> split(const Tensor& x, int parts, int axis) {
  int at = normalise_axis("split", axis, checked(x, "split").shape.rank());
  std::int64_t n = x.shape()[at];
  if (parts < 1 || n < 0 || n % parts)
    fail<ShapeError>("split", "axis ", at, " of shape ", x.shape(), " does not cut into ", parts, " equal parts");
  return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(parts), n / parts), at);
}

std::vector<Tensor> unstack(const Tensor& x, int axis) {
  int at = normalise_axis("unstack", axis, checked(x, "unstack").shape.rank());
  std::int64_t n = x.shape()[at];
  if (n < 0) fail<ShapeError>("unstack", "axis ", at, " of shape ", x.shape(), " must be known while tracing");
  std::vector<Tensor> out;
  for (std::int64_t i = 0; i < n; ++i) {
    Tensor row = slice_axis(x, at, i, 1);
    Shape shape = row.shape();
    shape.erase(at);
    out.push_back(run(reshape_op, {shape}, row));
  }
  return out;
}

Tensor tile(const Tensor& x, const Shape& multiples) {
  const Shape& from = checked(x, "tile").shape;
  if (multiples.rank() != from.rank())
    fail<ShapeError>("tile", "multiples ", multiples, " must name each axis of shape ", from, " once");
  Shape split_up, spread, joined;
  for (int i = 0; i < from.rank(); ++i) {
    if (multiples[i] < 0) fail<ShapeError>("tile", "multiples ", multiples.numbers(), " may not be negative");
    std::int64_t size = 0;
    if (__builtin_mul_overflow(from[i], multiples[i], &size))
      fail<ShapeError>(
          "tile", "axis ", i, " of shape ", from, " repeated ", multiples[i], " times grows beyond 63 bits");
    split_up.push_back(1);
    split_up.push_back(from[i]);
    spread.push_back(multiples[i]);
    spread.push_back(from[i]);
    joined.push_back(size);
  }
  check_size("tile", joined);
  return reshape(broadcast_to(reshape(x, split_up), spread), joined);
}

Tensor pad(const Tensor& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, double value) {
  int rank = checked(x, "pad").shape.rank();
  if (static_cast<int>(widths.size()) != rank)
    fail<ShapeError>("pad", widths.size(), " pairs of widths for a tensor of rank ", rank);
  Shape before, after;
  for (auto [b, a] : widths) {
    before.push_back(b);
    after.push_back(a);
  }
  return run(pad_op, {before, after, value}, x);
}

Tensor contiguous(const Tensor& x) {
  const TensorImpl& t = checked(x, "contiguous");
  return !t.is_symbolic() && t.is_contiguous() ? x : run(contiguous_op, x);
}

Tensor Tensor::reshape(const Shape& shape) const { return keen::reshape(*this, shape); }
Tensor Tensor::flatten() const { return keen::flatten(*this); }
Tensor Tensor::transpose() const { return keen::transpose(*this); }
Tensor Tensor::transpose(const Shape& permutation) const { return keen::transpose(*this, permutation); }
Tensor Tensor::squeeze(const Axes& axes) const { return keen::squeeze(*this, axes); }
Tensor Tensor::expand_dims(int axis) const { return keen::expand_dims(*this, axis); }
Tensor Tensor::contiguous() const { return keen::contiguous(*this); }

}  // namespace keen
