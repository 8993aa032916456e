// Activations: descriptions with gradients, and the public functions.
#include <numbers>

#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {

using F = scalar::Function;
constexpr Inputs floating = Inputs::promote_floating;

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

// With t = tanh u, u = c(x + ax³), u' = c(1 + 3ax²), u'' = 6acx:
// gelu' = ½(1 + t) + ½x(1 − t²)u' and gelu'' = (1 − t²)(u' + ½x(u'' − 2tu'²))
KEEN_OP(gelu_gradient) = elementwise(
    {.name = "gelu_gradient",
     .function = F::gelu_gradient,
     .arity = 2,
     .gradient =
         [](Gradient& g) {
           const Tensor& x = g.in(1);
           if (g.wants(0)) g.set(0, run(g.op(), g.dy(), x));
           if (!g.wants(1)) return;
           constexpr double a = 0.044715, c = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
           const Tensor squared = keen::square(x), slope = c * (1 + 3 * a * squared);
           const Tensor t = keen::tanh(c * x * (1 + a * squared));
           const Tensor bend = 3 * a * c * squared - x * t * keen::square(slope);
           g.set(1, g.dy() * g.in(0) * ((1 - keen::square(t)) * (slope + bend)));
         },
     .saves_a = input(0) | input(1),
     .saves_b = input(0) | input(1),
     .formula = "a gelu'(b)"});

KEEN_OP(gelu) = elementwise(
    {.name = "gelu",
     .function = F::gelu,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, run(gelu_gradient_op, g.dy(), g.in(0))); },
     .saves_a = input(0),
     .formula = "0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))"});

// With φ the density of the normal distribution and Φ its integral: (xΦ)' = Φ + xφ and (xΦ)'' = φ(2 − x²)
KEEN_OP(gelu_exact_gradient) = elementwise(
    {.name = "gelu_exact_gradient",
     .function = F::gelu_exact_gradient,
     .arity = 2,
     .gradient =
         [](Gradient& g) {
           const Tensor& x = g.in(1);
           if (g.wants(0)) g.set(0, run(g.op(), g.dy(), x));
           if (!g.wants(1)) return;
           constexpr double density = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
           const Tensor squared = keen::square(x);
           g.set(1, g.dy() * g.in(0) * (density * keen::exp(-0.5 * squared) * (2 - squared)));
         },
     .saves_a = input(0) | input(1),
     .saves_b = input(0) | input(1),
     .formula = "a gelu_exact'(b)"});

KEEN_OP(gelu_exact) = elementwise(
    {.name = "gelu_exact",
     .function = F::gelu_exact,
     .inputs = floating,
     .gradient = [](Gradient& g) { g.set(0, run(gelu_exact_gradient_op, g.dy(), g.in(0))); },
     .saves_a = input(0),
     .formula = "0.5 x (1 + erf(x / sqrt(2)))"});

}  // namespace detail

using detail::dispatch;

Tensor sigmoid(TensorOperand x) { return dispatch(detail::sigmoid_op, x); }
Tensor softplus(TensorOperand x) { return dispatch(detail::softplus_op, x); }
Tensor relu(TensorOperand x) { return dispatch(detail::relu_op, x); }
Tensor gelu(TensorOperand x) { return dispatch(detail::gelu_op, x); }
Tensor gelu(const Tensor& x, bool approximate, Where where) {
  detail::note_line(where);
  return detail::in_the_name_of(
      "gelu", [&] { return detail::run(approximate ? detail::gelu_op : detail::gelu_exact_op, x); });
}

}  // namespace keen
