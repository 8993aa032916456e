// ensure_shape: a statement about a shape, checked by each call where the trace does not know it.
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};

void ensure_rule(Inference& in) {
  const Shape &found = in.shape(0), &wanted = ints(in.attributes[0]);
  Shape out = found;
  bool fits = found.rank() == wanted.rank();
  for (int i = 0; fits && i < out.rank(); ++i) {
    if (out[i] < 0 && wanted[i] != unknown) out[i] = wanted[i];
    fits = wanted[i] < 0 || out[i] == wanted[i];
  }
  if (!fits) fail<ShapeError>(in.op.name, "a tensor of shape ", found, " where ", wanted, " is wanted");
  in.results[0] = {in.dtype(0), out};
}

}  // namespace

KEEN_OP(ensure_shape){
    .name = "ensure_shape",
    .attributes = shape_attribute,
    .infer = ensure_rule,
    .view = [](const TensorImpl& in, Attributes,
               const ResultSpec& result) { return make_view(in, result.shape, in.strides, 0); },
    .gradient = [](Gradient& g) { g.set(0, keen::ensure_shape(g.dy(), g.in_shape(0))); },
    .formula = "x, of a shape that is as wanted"};

}  // namespace detail

Tensor ensure_shape(const Tensor& x, const Shape& shape, Where where) {
  detail::note_line(where);
  const detail::Shape &found = detail::checked(x, "ensure_shape").shape, &wanted = shape;
  bool is_known = found.rank() == wanted.rank();
  for (int i = 0; is_known && i < wanted.rank(); ++i) is_known = wanted[i] == unknown || wanted[i] == found[i];
  return is_known ? x : detail::run(detail::ensure_shape_op, {shape}, x);
}

}  // namespace keen
