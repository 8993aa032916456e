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

// d gelu(x) = (½(1 + t) + ½x(1 − t²) du/dx) dx with t = tanh u, u = c(x + ax³), du/dx = c(1 + 3ax²)
KEEN_OP(gelu) = elementwise(
    {.name = "gelu",
     .function = F::gelu,
     .inputs = floating,
     .gradient =
         [](Gradient& g) {
           constexpr double a = 0.044715, c = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
           const Tensor &x = g.in(0), squared = keen::square(x);
           const Tensor t = keen::tanh(c * x * (1 + a * squared));
           g.set(0, g.dy() * (0.5 * (1 + t) + 0.5 * c * x * (1 - keen::square(t)) * (1 + 3 * a * squared)));
         },
     .saves_a = input(0),
     .formula = "0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))"});

// d xΦ(x) = (Φ(x) + x φ(x)) dx with φ the density of the normal distribution
KEEN_OP(gelu_exact) = elementwise(
    {.name = "gelu_exact",
     .function = F::gelu_exact,
     .inputs = floating,
     .gradient =
         [](Gradient& g) {
           constexpr double root_half = std::numbers::sqrt2 / 2, density = root_half * std::numbers::inv_sqrtpi;
           const Tensor& x = g.in(0);
           const Tensor phi = density * keen::exp(-0.5 * keen::square(x));
           g.set(0, g.dy() * (0.5 * (1 + keen::erf(x * root_half)) + x * phi));
         },
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
