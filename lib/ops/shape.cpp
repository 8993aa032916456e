// Views: what changes a tensor's shape but not its elements.
#include "keen/ops/shape.h"

#include <algorithm>

#include "ops/helpers.h"
#include "ops/slicing.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};
constexpr AttributeSpec permutation_attribute[] = {{"permutation", AttributeKind::ints}};
// --- reshape

[[noreturn]] void bad_reshape(const Shape& from, const Shape& to) {
  fail<ShapeError>("reshape", "shape ", from, " does not have the elements of shape ", to.numbers());
}

// The one -1 of `to`, where sizes are open: what is left of the shape it comes from, without what else `to` names.
std::int64_t open_rest(const Shape& left, std::int64_t named, const Shape& symbols) {
  if (!thread_context.interpreter || std::find(left.begin(), left.end(), unknown) != left.end()) return unknown;
  Size product(1), divisor(named);
  for (auto d : left) product *= Size(d);
  for (auto d : symbols) divisor *= Size(d);
  return (product / divisor).symbol();
}

// The one -1 of `to` worked out from the shape it comes from. Symbols cancel where they are the same.
Shape resolve_reshape(const Shape& from, const Shape& to) {
  Shape left = from, out = to, symbols;  // of `to` alone
  int open = -1;
  std::int64_t named = 1;
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == unknown) {
      if (open >= 0)
        fail<ShapeError>("reshape", "shape ", to.numbers(), " leaves more than one dimension open: only one may be -1");
      open = i;
    } else if (is_symbol(to[i])) {
      const auto same = std::find(left.begin(), left.end(), to[i]);
      if (same == left.end()) symbols.push_back(to[i]);
      else left.erase(static_cast<int>(same - left.begin()));
    } else if (to[i] < 0) {
      fail<ShapeError>(
          "reshape", "shape ", to.numbers(), " has a negative dimension: only one may be -1, which is worked out");
    } else if (__builtin_mul_overflow(named, to[i], &named)) {
      fail<ShapeError>("reshape", "shape ", to.numbers(), " has more elements than 63 bits can count");
    }
  }
  if (!symbols.empty() || !left.is_known()) {  // checked by the call
    if (named == 0 && open >= 0) bad_reshape(from, to);
    if (open >= 0) out[open] = open_rest(left, named, symbols);
    return out;
  }
  const std::int64_t count = left.num_elements();
  if (open < 0) {
    if (count != named) bad_reshape(from, to);
  } else {
    if (named == 0 || count % named != 0) bad_reshape(from, to);
    out[open] = count / named;
  }
  return out;
}

void reshape_rule(Inference& in) {
  in.results[0] = {in.dtype(0), resolve_reshape(in.shape(0), ints(in.attributes[0]))};
}

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
  if (!broadcasts_to(from, to))
    fail<ShapeError>("broadcast_to", "shape ", from, " does not broadcast to ", to.numbers());
  check_size(in.op.name, to);
  in.results[0] = {in.dtype(0), to};
}

Tensor broadcast_view(const TensorImpl& in, Attributes, const ResultSpec& result) {
  Shape strides = Shape::filled(result.shape.rank(), 0);
  for (int i = 1; i <= in.shape.rank(); ++i)
    if (in.shape[-i] != 1) strides[-i] = in.strides[-i];
  return make_view(in, result.shape, strides, 0);
}

void contiguous_rule(Inference& in) { rules::same(in); }

}  // namespace

KEEN_OP(reshape){
    .name = "reshape",
    .attributes = shape_attribute,
    .infer = reshape_rule,
    .view = reshape_view,
    .gradient = [](Gradient& g) { g.set(0, run(reshape_op, {g.in_shape(0)}, g.dy())); },
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
KEEN_OP(contiguous){
    .name = "contiguous",
    .infer = contiguous_rule,
    .cpu = cpu::copy,
    .gradient = [](Gradient& g) { g.set(0, g.dy()); },
    .formula = "x in row-major memory"};

}  // namespace detail

using namespace detail;

Tensor reshape(const Tensor& x, const keen::Shape& shape, Where where) {
  note_line(where);
  const detail::Shape& from = checked(x, "reshape").shape;
  // What a call is to work out stays as the user wrote it, for errors.
  const bool stays = shape.is_known() || !from.is_known();
  return run(reshape_op, {stays ? detail::Shape(shape) : resolve_reshape(from, shape)}, x);
}
Tensor flatten(TensorOperand x) {
  note_line(x.where());
  const Tensor t = x.tensor();
  checked(t, "flatten");
  return reshape(t, {-1});
}

Tensor transpose(const Tensor& x, Where where) {
  note_line(where);
  detail::Shape reversed = detail::Shape::filled(checked(x, "transpose").shape.rank(), 0);
  for (int i = 0; i < reversed.rank(); ++i) reversed[i] = reversed.rank() - 1 - i;
  return run(transpose_op, {reversed}, x);
}
Tensor transpose(const Tensor& x, const keen::Shape& permutation, Where where) {
  note_line(where);
  int rank = checked(x, "transpose").shape.rank();
  detail::Shape axes = normalise_axes("transpose", Axes(permutation), rank);
  if (permutation.rank() != rank)
    fail<ShapeError>("transpose", "permutation ", permutation.numbers(), " does not name all ", rank, " axes");
  detail::Shape positive = permutation;
  for (auto& axis : positive) axis = axis < 0 ? axis + rank : axis;
  return run(transpose_op, {positive}, x);
}

Tensor squeeze(const Tensor& x, const Axes& axes, Where where) {
  note_line(where);
  const detail::Shape& from = checked(x, "squeeze").shape;
  detail::Shape list, out, ones = from;
  if (!axes.all()) list = normalise_axes("squeeze", axes, from.rank());
  else if (!from.is_known())
    fail<UsageError>(
        "squeeze", "shape ", from,
        " has an open axis, of which this trace does not know whether it is one to drop: name the axes");
  for (int i = 0; i < from.rank(); ++i) {
    bool named = std::find(list.begin(), list.end(), i) != list.end();
    if (named && from[i] >= 0 && from[i] != 1)
      fail<ShapeError>("squeeze", "axis ", i, " of shape ", from, " has size ", from[i], ", not 1");
    if (named) ones[i] = 1;
    if (!(named || (axes.all() && from[i] == 1))) out.push_back(from[i]);
  }
  return in_the_name_of("squeeze", [&] { return run(reshape_op, {out}, ensure_shape(x, ones)); });
}

Tensor expand_dims(const Tensor& x, int axis, Where where) {
  note_line(where);
  detail::Shape out = checked(x, "expand_dims").shape;
  out.insert(normalise_axis("expand_dims", axis, out.rank() + 1), 1);
  return run(reshape_op, {out}, x);
}

Tensor broadcast_to(const Tensor& x, const keen::Shape& shape, Where where) {
  note_line(where);
  if (checked(x, "broadcast_to").shape == shape) return x;

  return run(broadcast_to_op, {shape}, x);
}

Tensor flip(const Tensor& x, const Axes& axes, Where where) {
  note_line(where);
  SliceSpec s = whole(checked(x, "flip").shape);
  for (auto axis : normalise_axes("flip", axes, x.rank())) {
    int i = static_cast<int>(axis);
    s.start[i] = s.size[i] < 0 ? (Size(s.size[i]) - 1).symbol() : std::max<std::int64_t>(s.size[i] - 1, 0);
    s.step[i] = -1;
  }
  return slice(x, s);
}

Tensor contiguous(const Tensor& x, Where where) {
  note_line(where);
  const TensorImpl& t = checked(x, "contiguous");
  return !t.is_symbolic() && t.is_contiguous() ? x : run(contiguous_op, x);
}

Tensor Tensor::reshape(const keen::Shape& shape, Where where) const { return keen::reshape(*this, shape, where); }
Tensor Tensor::flatten(Where where) const { return keen::flatten({*this, where}); }
Tensor Tensor::transpose(Where where) const { return keen::transpose(*this, where); }
Tensor Tensor::transpose(const keen::Shape& permutation, Where where) const {
  return keen::transpose(*this, permutation, where);
}
Tensor Tensor::squeeze(const Axes& axes, Where where) const { return keen::squeeze(*this, axes, where); }
Tensor Tensor::expand_dims(int axis, Where where) const { return keen::expand_dims(*this, axis, where); }
Tensor Tensor::contiguous(Where where) const { return keen::contiguous(*this, where); }

}  // namespace keen
