// The sum that undoes broadcasting, also where only the call tells which axes were broadcast.
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op reshape_op;

namespace {

constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};

void sum_to_rule(Inference& in) {
  const Shape& to = ints(in.attributes[0]);
  if (!broadcasts_to(to, in.shape(0)))
    fail<ShapeError>("sum_to", "shape ", in.shape(0), " is none that shape ", to.numbers(), " broadcasts to");
  in.results[0] = {in.dtype(0), to};
}

/// May an axis be one or not, as the call will have it?
bool is_open(const Shape& from, const Shape& to) {
  const int lead = from.rank() - to.rank();
  for (int i = 0; i < to.rank(); ++i)
    if (is_symbol(to[i]) && to[i] != from[i + lead]) return true;
  return false;
}

}  // namespace

// Stands in traces alone: where sizes are known, and so in every plan and replay, it is a sum over axes.
KEEN_OP(sum_to){
    .name = "sum_to",
    .attributes = shape_attribute,
    .infer = sum_to_rule,
    .gradient = [](Gradient& g) { g.set(0, keen::broadcast_to(g.dy(), g.in_shape(0))); },
    .formula = "x summed over the axes along which it was repeated"};

Shape repeated_axes(const Shape& from, const Shape& to) {
  Shape axes;
  const int lead = from.rank() - to.rank();
  for (int i = 0; i < from.rank(); ++i)
    if (i < lead || (to[i - lead] == 1 && from[i] != 1)) axes.push_back(i);
  return axes;
}

Tensor sum_to(const Tensor& t, const Shape& shape) {
  const Shape& from = t.shape();
  if (from == shape) return t;
  if (is_open(from, shape)) return run(sum_to_op, {shape}, t);
  const Shape axes = repeated_axes(from, shape);
  const Tensor out = axes.empty() ? t : keen::sum(t, Axes(axes), true);
  return out.shape() == shape ? out : run(reshape_op, {shape}, out);
}

}  // namespace keen::detail
