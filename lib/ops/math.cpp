// Elementwise functions of one tensor: descriptions with gradients, and the public functions.
#include "keen/ops/math.h"

#include <cmath>
#include <numbers>

#include "keen/ops/arithmetic.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {

using F = scalar::Function;
constexpr Inputs floating = Inputs::promote_floating;
constexpr auto no_gradient = Differentiable::no;

KEEN_OP(negative) = elementwise(
    {.name = "negative",
     .function = F::negative,
     .dtypes = numeric,
     .gradient = [](Gradient& g) { g.set(0, -g.dy()); },
     .formula = "-x"});

// d|x| = sign(x) dx
KEEN_OP(abs) = elementwise(
    {.name = "abs",
     .function = F::abs,
     .dtypes = numeric,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * keen::sign(g.in(0))); },
     .saves_a = input(0),
     .domain = Domain::nonzero,
     .formula = "|x|"});

KEEN_OP(sign) = elementwise(
    {.name = "sign", .function = F::sign, .dtypes = numeric, .differentiable = no_gradient, .formula = "sign(x)"});

// d(x²) = 2x dx
KEEN_OP(square) = elementwise(
    {.name = "square",
     .function = F::square,
     .dtypes = numeric,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * (g.in(0) * 2)); },
     .saves_a = input(0),
     .formula = "x^2"});

// d√x = dx / 2√x
KEEN_OP(sqrt) = elementwise(
    {.name = "sqrt",
     .function = F::sqrt,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * 0.5 / g.out()); },
     .saves_a = output(),
     .domain = Domain::positive,
     .formula = "sqrt(x)"});

// d(x^−½) = −½ y³ dx
KEEN_OP(rsqrt) = elementwise(
    {.name = "rsqrt",
     .function = F::rsqrt,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * -0.5 * (keen::square(g.out()) * g.out())); },
     .saves_a = output(),
     .domain = Domain::positive,
     .formula = "1/sqrt(x)"});

// d(1/x) = −y² dx
KEEN_OP(reciprocal) = elementwise(
    {.name = "reciprocal",
     .function = F::reciprocal,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, -(g.dy() * keen::square(g.out()))); },
     .saves_a = output(),
     .domain = Domain::nonzero,
     .formula = "1/x"});

// d(eˣ) = y dx
KEEN_OP(exp) = elementwise(
    {.name = "exp",
     .function = F::exp,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * g.out()); },
     .saves_a = output(),
     .formula = "e^x"});

// d(eˣ − 1) = (y + 1) dx
KEEN_OP(expm1) = elementwise(
    {.name = "expm1",
     .function = F::expm1,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * (g.out() + 1)); },
     .saves_a = output(),
     .formula = "e^x - 1"});

// d log x = dx / x
KEEN_OP(log) = elementwise(
    {.name = "log",
     .function = F::log,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() / g.in(0)); },
     .saves_a = input(0),
     .domain = Domain::positive,
     .formula = "log(x)"});

// d log(1 + x) = dx / (1 + x)
KEEN_OP(log1p) = elementwise(
    {.name = "log1p",
     .function = F::log1p,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() / (g.in(0) + 1)); },
     .saves_a = input(0),
     .domain = Domain::positive,
     .formula = "log(1 + x)"});

// d sin x = cos x dx
KEEN_OP(sin) = elementwise(
    {.name = "sin",
     .function = F::sin,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * keen::cos(g.in(0))); },
     .saves_a = input(0),
     .formula = "sin(x)"});

// d cos x = −sin x dx
KEEN_OP(cos) = elementwise(
    {.name = "cos",
     .function = F::cos,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, -(g.dy() * keen::sin(g.in(0)))); },
     .saves_a = input(0),
     .formula = "cos(x)"});

// d tanh x = (1 − y²) dx
KEEN_OP(tanh) = elementwise(
    {.name = "tanh",
     .function = F::tanh,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * (1 - keen::square(g.out()))); },
     .saves_a = output(),
     .formula = "tanh(x)"});

// d σ(x) = y(1 − y) dx
KEEN_OP(sigmoid) = elementwise(
    {.name = "sigmoid",
     .function = F::sigmoid,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * g.out() * (1 - g.out())); },
     .saves_a = output(),
     .formula = "1/(1 + e^-x)"});

// d log(1 + eˣ) = σ(x) dx
KEEN_OP(softplus) = elementwise(
    {.name = "softplus",
     .function = F::softplus,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, g.dy() * keen::sigmoid(g.in(0))); },
     .saves_a = input(0),
     .formula = "log(1 + e^x)"});

// d erf x = 2/√π e^(−x²) dx
KEEN_OP(erf) = elementwise(
    {.name = "erf",
     .function = F::erf,
     .inputs = floating,
     .gradient =
         [](Gradient& g) { g.set(0, g.dy() * (2 * std::numbers::inv_sqrtpi) * keen::exp(-keen::square(g.in(0)))); },
     .saves_a = input(0),
     .formula = "erf(x)"});

// dy where y > 0, else 0: linear in dy, flat in y
KEEN_OP(relu_gradient) = elementwise(
    {.name = "relu_gradient",
     .function = F::relu_gradient,
     .arity = 2,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) g.set(0, run(g.op(), g.dy(), g.in(1)));
         },
     .saves_a = input(1),
     .domain = Domain::nonzero,
     .formula = "a where b > 0, else 0"});

KEEN_OP(relu) = elementwise(
    {.name = "relu",
     .function = F::relu,
     .dtypes = numeric,
     .gradient = [](Gradient& g) { g.set(0, run(relu_gradient_op, g.dy(), g.out())); },
     .saves_a = output(),
     .domain = Domain::nonzero,
     .formula = "max(x, 0)"});

KEEN_OP(floor) =
    elementwise({.name = "floor", .function = F::floor, .differentiable = no_gradient, .formula = "floor(x)"});
KEEN_OP(ceil) = elementwise({.name = "ceil", .function = F::ceil, .differentiable = no_gradient, .formula = "ceil(x)"});
KEEN_OP(round) =
    elementwise({.name = "round", .function = F::round, .differentiable = no_gradient, .formula = "round(x)"});

namespace {
constexpr Op predicate(const char* name, F function, const char* formula) {
  return elementwise(
      {.name = name,
       .function = function,
       .inputs = floating,
       .infer = rules::comparison,
       .differentiable = no_gradient,
       .formula = formula});
}
}  // namespace
KEEN_OP(isnan) = predicate("isnan", F::isnan, "x != x");
KEEN_OP(isinf) = predicate("isinf", F::isinf, "|x| == inf");
KEEN_OP(isfinite) = predicate("isfinite", F::isfinite, "|x| < inf");

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
    .name = "stop_gradient", .infer = rules::same, .view = share, .differentiable = no_gradient, .formula = "x"};

}  // namespace detail

using detail::run;

Tensor negative(const Tensor& x) { return run(detail::negative_op, x); }
Tensor abs(const Tensor& x) { return run(detail::abs_op, x); }
Tensor sign(const Tensor& x) { return run(detail::sign_op, x); }
Tensor square(const Tensor& x) { return run(detail::square_op, x); }
Tensor sqrt(const Tensor& x) { return run(detail::sqrt_op, x); }
Tensor rsqrt(const Tensor& x) { return run(detail::rsqrt_op, x); }
Tensor reciprocal(const Tensor& x) { return run(detail::reciprocal_op, x); }
Tensor exp(const Tensor& x) { return run(detail::exp_op, x); }
Tensor expm1(const Tensor& x) { return run(detail::expm1_op, x); }
Tensor log(const Tensor& x) { return run(detail::log_op, x); }
Tensor log1p(const Tensor& x) { return run(detail::log1p_op, x); }
Tensor sin(const Tensor& x) { return run(detail::sin_op, x); }
Tensor cos(const Tensor& x) { return run(detail::cos_op, x); }
Tensor tanh(const Tensor& x) { return run(detail::tanh_op, x); }
Tensor sigmoid(const Tensor& x) { return run(detail::sigmoid_op, x); }
Tensor softplus(const Tensor& x) { return run(detail::softplus_op, x); }
Tensor erf(const Tensor& x) { return run(detail::erf_op, x); }
Tensor relu(const Tensor& x) { return run(detail::relu_op, x); }
Tensor isnan(const Tensor& x) { return run(detail::isnan_op, x); }
Tensor isinf(const Tensor& x) { return run(detail::isinf_op, x); }
Tensor isfinite(const Tensor& x) { return run(detail::isfinite_op, x); }

Tensor negative(Tensor&& x) { return run(detail::negative_op, std::move(x)); }
Tensor abs(Tensor&& x) { return run(detail::abs_op, std::move(x)); }
Tensor square(Tensor&& x) { return run(detail::square_op, std::move(x)); }
Tensor sqrt(Tensor&& x) { return run(detail::sqrt_op, std::move(x)); }
Tensor exp(Tensor&& x) { return run(detail::exp_op, std::move(x)); }
Tensor log(Tensor&& x) { return run(detail::log_op, std::move(x)); }
Tensor tanh(Tensor&& x) { return run(detail::tanh_op, std::move(x)); }
Tensor sigmoid(Tensor&& x) { return run(detail::sigmoid_op, std::move(x)); }
Tensor relu(Tensor&& x) { return run(detail::relu_op, std::move(x)); }

namespace {
// Whole numbers are their own floor.
Tensor rounded(const detail::Op& op, const Tensor& x) {
  return x.defined() && (is_integer(x.dtype()) || x.dtype() == bool_) ? x : run(op, x);
}
}  // namespace
Tensor floor(const Tensor& x) { return rounded(detail::floor_op, x); }
Tensor ceil(const Tensor& x) { return rounded(detail::ceil_op, x); }
Tensor round(const Tensor& x) { return rounded(detail::round_op, x); }

Tensor gelu(const Tensor& x, bool approximate) {
  if (!approximate) return 0.5 * x * (1 + erf(x * std::numbers::sqrt2 / 2));
  const double c = std::sqrt(2 / std::numbers::pi);
  return 0.5 * x * (1 + tanh(c * (x + 0.044715 * (x * x * x))));
}
Tensor gelu(const Tensor& x) { return gelu(x, true); }

Tensor clip(const Tensor& x, Operand low, Operand high) { return minimum(maximum(x, std::move(low)), std::move(high)); }
Tensor clip_by_value(const Tensor& x, Operand low, Operand high) { return clip(x, std::move(low), std::move(high)); }

Tensor where(const Tensor& condition, Operand a, Operand b) {
  return run(detail::where_op, condition, std::move(a), std::move(b));
}

Tensor cast(const Tensor& x, DType dtype) {
  if (x.defined() && x.dtype() == dtype) return x;
  return run(detail::cast_op, {dtype}, x);
}
Tensor Tensor::cast(DType dtype) const { return keen::cast(*this, dtype); }

Tensor stop_gradient(const Tensor& x) { return run(detail::stop_gradient_op, x); }

}  // namespace keen
