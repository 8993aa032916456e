// Putting tensors together and taking them apart: concat, stack, split, tile, pad.
#include <functional>

#include "core/numbers.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"
#include "ops/slicing.h"

namespace keen {
namespace detail {

extern const Op reshape_op;

namespace {

constexpr AttributeSpec concat_attributes[] = {{"axis", AttributeKind::integer}, {"sizes", AttributeKind::shape}};
constexpr AttributeSpec pad_attributes[] = {
    {"before", AttributeKind::ints}, {"after", AttributeKind::ints}, {"value", AttributeKind::real}};

void concat_rule(Inference& in) {
  int axis = static_cast<int>(integer(in.attributes[0]));
  Shape out = in.shape(0);
  for (int i = 1; i < in.arity(); ++i) {
    Shape next = in.shape(i);
    bool fits = next.rank() == out.rank();
    for (int k = 0; fits && k < out.rank(); ++k) {
      fits = k == axis || next[k] == out[k] || next[k] < 0 || out[k] < 0;
      if (k != axis && out[k] < 0 && next[k] >= 0) out[k] = next[k];
    }
    if (!fits)
      fail<ShapeError>(
          "concat", "shapes ", in.shape(0), " and ", next, " differ outside axis ", axis, ", where they may");
    if (out[axis] < 0 || next[axis] < 0) out[axis] = open_dim(std::plus<Size>(), out[axis], next[axis]);
    else if (__builtin_add_overflow(out[axis], next[axis], &out[axis]))
      fail<ShapeError>("concat", "axis ", axis, " grows beyond 63 bits");
  }
  check_size(in.op.name, out);
  in.results[0] = {in.dtype(0), out};
}

void concat_gradient(Gradient& g) {
  int axis = static_cast<int>(integer(g.attributes()[0]));
  const Shape& sizes = ints(g.attributes()[1]);
  Size start(0);
  for (int i = 0; i < g.inputs(); ++i) {
    if (g.wants(i)) g.set(i, slice_axis(g.dy(), axis, start.symbol(), sizes[i]));
    start += Size(sizes[i]);
  }
}

void pad_rule(Inference& in) {
  Shape out = in.shape(0);
  const Shape &before = ints(in.attributes[0]), &after = ints(in.attributes[1]);
  for (int i = 0; i < out.rank(); ++i) {
    if (before[i] < 0 || after[i] < 0)
      fail<ShapeError>("pad", "widths ", before.numbers(), " and ", after.numbers(), " may not be negative");
    if (out[i] < 0) out[i] = open_dim([&](Size n) { return n + before[i] + after[i]; }, out[i]);
    else if (__builtin_add_overflow(out[i], before[i], &out[i]) || __builtin_add_overflow(out[i], after[i], &out[i]))
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

}  // namespace

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

}  // namespace detail

using namespace detail;

Tensor concat(const std::vector<Tensor>& tensors, int axis, Where where) {
  note_line(where);
  if (tensors.empty()) fail<UsageError>("concat", "no tensors to join");
  int at = normalise_axis("concat", axis, checked(tensors[0], "concat").shape.rank());
  std::vector<Operand> operands;
  detail::Shape sizes;
  for (auto& t : tensors) {
    const detail::Shape& shape = checked(t, "concat").shape;
    sizes.push_back(at < shape.rank() ? shape[at] : 0);
    operands.emplace_back(t);
  }
  Attribute attributes[] = {std::int64_t{at}, sizes};
  return dispatch(concat_op, operands, attributes);
}

Tensor stack(const std::vector<Tensor>& tensors, int axis, Where where) {
  note_line(where);
  if (tensors.empty()) fail<UsageError>("stack", "no tensors to join");
  int at = normalise_axis("stack", axis, checked(tensors[0], "stack").shape.rank() + 1);
  std::vector<Tensor> rows;
  for (auto& t : tensors) {
    if (!may_agree(checked(t, "stack").shape, tensors[0].shape()))
      fail<ShapeError>(
          "stack", "shapes ", tensors[0].shape(), " and ", t.shape(),
          " differ: one shape is needed; concat joins along an axis they have");
    rows.push_back(expand_dims(t, at));
  }
  detail::Shape whole = rows[0].shape();
  whole[at] = static_cast<std::int64_t>(rows.size());
  check_size("stack", whole);
  return in_the_name_of("stack", [&] { return concat(rows, at); });
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int axis, Where where) {
  note_line(where);
  int at = normalise_axis("split", axis, checked(x, "split").shape.rank());
  std::int64_t total = 0;
  for (auto s : sizes) {
    if (s < 0 || __builtin_add_overflow(total, s, &total))
      fail<ShapeError>(
          "split", "part sizes ", detail::Shape(sizes).numbers(),
          ": none may be negative, and they must fill the axis");
  }
  if (x.shape().raw(at) >= 0 && total != x.shape().raw(at))
    fail<ShapeError>(
        "split", "parts of ", total, " elements in all do not fill axis ", at, " of shape ", x.shape(),
        ": sizes must add up to it");
  std::vector<Tensor> out;
  std::int64_t start = 0;
  Tensor whole = x;
  if (x.shape().raw(at) < 0) {  // the call checks that it is the sum
    detail::Shape filled = x.shape();
    filled[at] = total;
    whole = run(reshape_op, {filled}, x);
  }
  for (auto s : sizes) {
    out.push_back(slice_axis(whole, at, start, s));
    start += s;
  }
  return out;
}

std::vector<Tensor> split(const Tensor& x, int parts, int axis, Where where) {
  note_line(where);
  int at = normalise_axis("split", axis, checked(x, "split").shape.rank());
  const std::int64_t n = x.shape().raw(at);
  if (parts < 1 || (n >= 0 && n % parts))
    fail<ShapeError>(
        "split", "axis ", at, " of shape ", x.shape(), " does not cut into ", parts,
        " equal parts: give the sizes of the parts instead");
  if (n >= 0) return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(parts), n / parts), at);
  const Size size(open_size(SizeOp::part, n, parts));
  std::vector<Tensor> out;
  for (int i = 0; i < parts; ++i) out.push_back(slice_axis(x, at, (i * size).symbol(), size.symbol()));
  return out;
}

std::vector<Tensor> unstack(const Tensor& x, int axis, Where where) {
  note_line(where);
  int at = normalise_axis("unstack", axis, checked(x, "unstack").shape.rank());
  std::int64_t n = x.shape().raw(at);
  if (n < 0)
    fail<ShapeError>(
        "unstack", "axis ", at, " of shape ", x.shape(),
        " is open in this trace, so that nobody knows how many tensors there will be: scan or map_fn take the slices "
        "one by one, split cuts into a known number of parts");
  std::vector<Tensor> out;
  for (std::int64_t i = 0; i < n; ++i) {
    Tensor row = slice_axis(x, at, i, 1);
    detail::Shape shape = row.shape();
    shape.erase(at);
    out.push_back(run(reshape_op, {shape}, row));
  }
  return out;
}

Tensor tile(const Tensor& x, const keen::Shape& multiples, Where where) {
  note_line(where);
  const detail::Shape& from = checked(x, "tile").shape;
  if (multiples.rank() != from.rank())
    fail<ShapeError>("tile", "multiples ", multiples.numbers(), " must name each axis of shape ", from, " once");
  detail::Shape split_up, spread, joined;
  for (int i = 0; i < from.rank(); ++i) {
    if (multiples.raw(i) < 0 && !is_symbol(multiples.raw(i)))
      fail<ShapeError>("tile", "multiples ", multiples.numbers(), " may not be negative");
    std::int64_t size = 0;
    if (from[i] < 0 || is_symbol(multiples.raw(i))) size = (Size(from[i]) * Size(multiples.raw(i))).symbol();
    else if (__builtin_mul_overflow(from[i], multiples.raw(i), &size))
      fail<ShapeError>(
          "tile", "axis ", i, " of shape ", from, " repeated ", multiples.raw(i), " times grows beyond 63 bits");
    split_up.push_back(1);
    split_up.push_back(from[i]);
    spread.push_back(multiples.raw(i));
    spread.push_back(from[i]);
    joined.push_back(size);
  }
  check_size("tile", joined);
  return in_the_name_of("tile", [&] { return reshape(broadcast_to(reshape(x, split_up), spread), joined); });
}

Tensor pad(
    const Tensor& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, double value, Where where) {
  note_line(where);
  int rank = checked(x, "pad").shape.rank();
  if (static_cast<int>(widths.size()) != rank)
    fail<ShapeError>("pad", widths.size(), " pairs of widths for a tensor of rank ", rank, ": one an axis is needed");
  detail::Shape before, after;
  for (auto [b, a] : widths) {
    before.push_back(b);
    after.push_back(a);
  }
  check_holds("pad", value, x.dtype());
  return run(pad_op, {before, after, value}, x);
}

}  // namespace keen
