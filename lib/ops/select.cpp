// Choosing and converting elements: where, clip, cast, stop_gradient.
#include "core/numbers.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

void where_rule(Inference& in) {
  if (in.dtype(0) != DType::bool_)
    fail<DTypeError>("where", "the condition is ", name(in.dtype(0)), ": bool is needed, e.g. x != 0");
  in.results[0].shape = rules::broadcast(in.op, rules::broadcast(in.op, in.shape(0), in.shape(1)), in.shape(2));
  in.results[0].dtype = in.dtype(1);
}

constexpr AttributeSpec cast_attributes[] = {{"dtype", AttributeKind::dtype}};
void cast_rule(Inference& in) { in.results[0] = {dtype(in.attributes[0]), in.shape(0)}; }

Tensor share(const TensorImpl& in, Attributes, const ResultSpec& result) {
  return make_view(in, result.shape, in.strides, 0);
}

}  // namespace

// the gradient goes to the branch that was taken
KEEN_OP(where){
    .name = "where",
    .arity = 3,
    .inputs = Inputs::promote_but_first,
    .dtypes = real_numbers,
    .infer = where_rule,
    .cpu = cpu::where,
    .gradient =
        [](Gradient& g) {
          if (g.wants(1)) g.set(1, keen::where(g.in(0), g.dy(), 0));
          if (g.wants(2)) g.set(2, keen::where(g.in(0), 0, g.dy()));
        },
    .saves = {0, input(0), input(0)},
    .formula = "a where condition, else b"};

KEEN_OP(cast){
    .name = "cast",
    .attributes = cast_attributes,
    .infer = cast_rule,
    .cpu = cpu::cast,
    .gradient = [](Gradient& g) { g.set(0, keen::cast(g.dy(), g.in_dtype(0))); },
    .formula = "x as dtype"};

KEEN_OP(stop_gradient){
    .name = "stop_gradient", .infer = rules::same, .view = share, .differentiable = Differentiable::no, .formula = "x"};

}  // namespace detail

using detail::run;

namespace {
// A bound that no element can reach is none: the end of the dtype's range stands in for it.
Operand within_range(const Tensor& x, Operand bound, int side) {
  const bool open = bound.kind() == Operand::Kind::weak_int && x.defined() && is_integer(x.dtype()) &&
                    detail::beyond(bound, x.dtype()) == side;
  if (!open) return bound;
  return side > 0 ? detail::greatest(x.dtype()) : detail::least(x.dtype());
}
}  // namespace
Tensor clip(const Tensor& x, Operand low, Operand high, Where where) {
  detail::note_line(where);
  return detail::in_the_name_of("clip", [&] {
    return minimum(maximum(x, within_range(x, std::move(low), -1)), within_range(x, std::move(high), 1));
  });
}
Tensor clip_by_value(const Tensor& x, Operand low, Operand high, Where where) {
  detail::note_line(where);
  return detail::in_the_name_of("clip_by_value", [&] { return clip(x, std::move(low), std::move(high)); });
}

Tensor where(const Tensor& condition, Operand a, Operand b, Where line) {
  detail::note_line(line);
  return run(detail::where_op, condition, std::move(a), std::move(b));
}

Tensor cast(const Tensor& x, DType dtype, Where where) {
  detail::note_line(where);
  if (x.defined() && x.dtype() == dtype) return x;
  return run(detail::cast_op, {dtype}, x);
}
Tensor Tensor::cast(DType dtype, Where where) const { return keen::cast(*this, dtype, where); }

Tensor stop_gradient(TensorOperand x) { return dispatch(detail::stop_gradient_op, x); }

}  // namespace keen
