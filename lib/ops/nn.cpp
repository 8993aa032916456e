// Softmax, its losses and dropout: descriptions with gradients, and the public functions.
#include "keen/ops/nn.h"

#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec axis_attribute[] = {{"axis", AttributeKind::integer}};

Axes axis_of(Gradient& g) { return Axes(integer(g.attributes()[0])); }

void cross_entropy_check(Inference& in) {
  const Shape &labels = in.shape(0), &logits = in.shape(1);
  if (!is_integer(in.dtype(0)))
    fail<DTypeError>("sparse_softmax_cross_entropy", "labels are ", name(in.dtype(0)), ": integers are needed");
  if (!(floats & bit(in.dtype(1))))
    fail<DTypeError>(
        "sparse_softmax_cross_entropy", "logits are ", name(in.dtype(1)), ": float32 or float64 is needed");
  bool fits = labels.rank() == 1 && logits.rank() == 2 && (labels[0] == logits[0] || labels[0] < 0 || logits[0] < 0);
  if (!fits)
    fail<ShapeError>(
        "sparse_softmax_cross_entropy", "labels ", labels, " and logits ", logits,
        ": (n,) and (n, classes) are needed");
}
void cross_entropy_rule(Inference& in) {
  cross_entropy_check(in);
  in.results[0] = {in.dtype(1), in.shape(0)};
}
void cross_entropy_gradient_rule(Inference& in) {
  cross_entropy_check(in);
  in.results[0] = {in.dtype(1), in.shape(1)};
}

}  // namespace

// dx = (dy − Σ dy·y) y
KEEN_OP(softmax){
    .name = "softmax",
    .attributes = axis_attribute,
    .inputs = Inputs::promote_floating,
    .dtypes = floats,
    .infer = rules::same,
    .cpu = cpu::softmax,
    .gradient =
        [](Gradient& g) {
          Tensor scaled = g.dy() * g.out();
          g.set(0, scaled - g.out() * sum(scaled, axis_of(g), true));
        },
    .saves = {output()},
    .formula = "e^x / sum e^x"};

// dx = dy − eʸ Σ dy
KEEN_OP(log_softmax){
    .name = "log_softmax",
    .attributes = axis_attribute,
    .inputs = Inputs::promote_floating,
    .dtypes = floats,
    .infer = rules::same,
    .cpu = cpu::log_softmax,
    .gradient = [](Gradient& g) { g.set(0, g.dy() - exp(g.out()) * sum(g.dy(), axis_of(g), true)); },
    .saves = {output()},
    .formula = "x - log sum e^x"};

// z = (p − onehot) dy with p = softmax(logits): dz/dlogits·v = dy p (v − Σ p v), dz/ddy·v = Σ v (p − onehot)
KEEN_OP(sparse_cross_entropy_gradient){
    .name = "sparse_cross_entropy_gradient",
    .arity = 3,
    .infer = cross_entropy_gradient_rule,
    .cpu = cpu::sparse_cross_entropy_gradient,
    .gradient =
        [](Gradient& g) {
          const Tensor &labels = g.in(0), &logits = g.in(1), v = g.dy();
          Tensor p = softmax(logits, 1);
          if (g.wants(1)) g.set(1, expand_dims(g.in(2), 1) * p * (v - sum(p * v, 1, true)));
          if (g.wants(2)) g.set(2, sum(v * (p - one_hot(labels, logits.shape().raw(1), logits.dtype())), 1));
        },
    .saves = {0, input(0) | input(1) | input(2), input(0) | input(1) | input(2)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "(softmax(logits) - onehot(labels)) dy"};

KEEN_OP(sparse_softmax_cross_entropy){
    .name = "sparse_softmax_cross_entropy",
    .arity = 2,
    .infer = cross_entropy_rule,
    .cpu = cpu::sparse_cross_entropy,
    .gradient = [](Gradient& g) { g.set(1, run(sparse_cross_entropy_gradient_op, g.in(0), g.in(1), g.dy())); },
    .saves = {0, input(0) | input(1)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "-log softmax(logits)[label]"};

namespace {

Tensor along(const Op& op, Operand&& x, int axis) {
  note_line(x.where());
  if (!x.impl()) checked(Tensor(), op.name);  // throws
  const int rank = x.impl()->shape.rank();
  if (is_point(axis, rank)) return reshape(run(op, {std::int64_t{0}}, reshape(x.tensor(), {1})), {});
  const Attribute attributes[] = {std::int64_t{normalise_axis(op.name, axis, rank)}};
  return dispatch(op, std::span<Operand>(&x, 1), attributes);
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor softmax(const Tensor& x, int axis, Where where) { return along(softmax_op, {x, where}, axis); }
Tensor softmax(TensorOperand x) { return along(softmax_op, std::move(x), -1); }
Tensor log_softmax(const Tensor& x, int axis, Where where) { return along(log_softmax_op, {x, where}, axis); }
Tensor log_softmax(TensorOperand x) { return along(log_softmax_op, std::move(x), -1); }

Tensor sparse_softmax_cross_entropy(const Tensor& labels, const Tensor& logits, Where where) {
  note_line(where);
  return run(sparse_softmax_cross_entropy_op, labels, logits);
}

Tensor softmax_cross_entropy(const Tensor& labels, const Tensor& logits, Where where) {
  note_line(where);
  if (!may_agree(checked(labels, "softmax_cross_entropy").shape, checked(logits, "softmax_cross_entropy").shape) ||
      logits.rank() < 1)
    fail<ShapeError>(
        "softmax_cross_entropy", "labels ", labels.shape(), " and logits ", logits.shape(),
        " must have one shape (..., classes)");
  return in_the_name_of("softmax_cross_entropy", [&] { return -sum(labels * log_softmax(logits, -1), -1); });
}

Tensor dropout(const Tensor& x, double rate, const RandomOptions& options, Where line) {
  note_line(line);
  if (!(rate >= 0 && rate < 1)) fail<UsageError>("dropout", "rate ", rate, " is not in [0, 1)");
  if (!is_floating(checked(x, "dropout").dtype))
    fail<DTypeError>("dropout", name(x.dtype()), " is not a floating type: cast to float32");
  if (half_floats & bit(x.dtype()))
    fail<DTypeError>("dropout", "computing with ", name(x.dtype()), " is not offered yet: cast to float32 or float64");
  if (rate == 0) return x;
  return in_the_name_of("dropout", [&] {
    Tensor draw = random::uniform(
        x.shape(), {.dtype = x.dtype(), .device = x.device(), .seed = options.seed, .generator = options.generator});
    return where(draw >= rate, x * (1 / (1 - rate)), 0);
  });
}

}  // namespace keen
