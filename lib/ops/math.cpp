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

// d erf x = 2/√π e^(−x²) dx
KEEN_OP(erf) = elementwise(
    {.name = "erf",
     .function = F::erf,
     .inputs = floating,
     .gradient =
         [](Gradient& g) { g.set(0, g.dy() * (2 * std::numbers::inv_sqrtpi) * keen::exp(-keen::square(g.in(0)))); },
     .saves_a = input(0),
     .formula = "erf(x)"});

KEEN_OP(floor) =
    elementwise({.name = "floor", .function = F::floor, .differentiable = no_gradient, .formula = "floor(x)"});
KEEN_OP(ceil) = elementwise({.name = "ceil", .function = F::ceil, .differentiable = no_gradient, .formula = "ceil(x)"});
KEEN_OP(round) =
    elementwise({.name = "round", .function = F::round, .differentiable = no_gradient, .formula = "round(x)"});

}  // namespace detail

using detail::dispatch;

// A public function and its description go by one name.
#define KEEN_FUNCTION(name) \
  Tensor name(TensorOperand x) { return dispatch(detail::name##_op, x); }

KEEN_FUNCTION(negative)
KEEN_FUNCTION(abs)
KEEN_FUNCTION(square)
KEEN_FUNCTION(sqrt)
KEEN_FUNCTION(exp)
KEEN_FUNCTION(log)
KEEN_FUNCTION(tanh)
KEEN_FUNCTION(sign)
KEEN_FUNCTION(rsqrt)
KEEN_FUNCTION(reciprocal)
KEEN_FUNCTION(expm1)
KEEN_FUNCTION(log1p)
KEEN_FUNCTION(sin)
KEEN_FUNCTION(cos)
KEEN_FUNCTION(erf)

#undef KEEN_FUNCTION

namespace {
// Whole numbers are their own floor.
Tensor rounded(const detail::Op& op, TensorOperand& x) {
  const detail::TensorImpl* t = x.impl();
  return t && (is_integer(t->dtype) || t->dtype == bool_) ? x.tensor() : dispatch(op, x);
}
}  // namespace
Tensor floor(TensorOperand x) { return rounded(detail::floor_op, x); }
Tensor ceil(TensorOperand x) { return rounded(detail::ceil_op, x); }
Tensor round(TensorOperand x) { return rounded(detail::round_op, x); }

}  // namespace keen
