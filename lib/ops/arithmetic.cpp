// Arithmetic of two tensors: descriptions with gradients, and the public functions.
#include "keen/ops/arithmetic.h"

#include "keen/ops/math.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {

using F = scalar::Function;

// d(a + b) = da + db
KEEN_OP(add) = elementwise(
    {.name = "add",
     .function = F::add,
     .arity = 2,
     .dtypes = real_numbers,
     .gradient =
         [](Gradient& g) {
           for (int i = 0; i < 2; ++i)
             if (g.wants(i)) g.set(i, g.dy());
         },
     .formula = "a + b"});

// d(a − b) = da − db
KEEN_OP(subtract) = elementwise(
    {.name = "subtract",
     .function = F::subtract,
     .arity = 2,
     .dtypes = numeric,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) g.set(0, g.dy());
           if (g.wants(1)) g.set(1, negative(g.dy()));
         },
     .formula = "a - b"});

// d(ab) = b da + a db
KEEN_OP(multiply) = elementwise(
    {.name = "multiply",
     .function = F::multiply,
     .arity = 2,
     .dtypes = real_numbers,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) g.set(0, g.dy() * g.in(1));
           if (g.wants(1)) g.set(1, g.dy() * g.in(0));
         },
     .saves_a = input(1),
     .saves_b = input(0),
     .formula = "a * b"});

// d(a/b) = da/b − (a/b)/b db
KEEN_OP(divide) = elementwise(
    {.name = "divide",
     .function = F::divide,
     .arity = 2,
     .inputs = Inputs::promote_floating,
     .gradient =
         [](Gradient& g) {
           Tensor scaled = g.dy() / g.in(1);
           if (g.wants(1)) g.set(1, negative(scaled * g.out()));
           if (g.wants(0)) g.set(0, std::move(scaled));
         },
     .saves_a = input(1),
     .saves_b = input(1) | output(),
     .domain = Domain::nonzero,
     .formula = "a / b"});

KEEN_OP(floor_divide) = elementwise(
    {.name = "floor_divide",
     .function = F::floor_divide,
     .arity = 2,
     .dtypes = numeric,
     .differentiable = Differentiable::no,
     .domain = Domain::nonzero,
     .formula = "floor(a / b)"});

// d(a mod b) = da − ⌊a/b⌋ db
KEEN_OP(mod) = elementwise(
    {.name = "mod",
     .function = F::mod,
     .arity = 2,
     .dtypes = numeric,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) g.set(0, g.dy());
           if (g.wants(1)) g.set(1, negative(g.dy() * floor_divide(g.in(0), g.in(1))));
         },
     .saves_b = input(0) | input(1),
     .domain = Domain::nonzero,
     .formula = "a - b*floor(a / b)"});

// d(aᵇ) = b aᵇ⁻¹ da + aᵇ log a db; 0 instead of 0·∞ where b = 0, and where a ≤ 0 has no logarithm
KEEN_OP(pow) = elementwise(
    {.name = "pow",
     .function = F::pow,
     .arity = 2,
     .dtypes = numeric,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) {
             Tensor b = g.in(1);
             g.set(0, g.dy() * where(equal(b, 0), 0, b * keen::pow(g.in(0), b - 1)));
           }
           if (g.wants(1)) {
             Tensor positive = greater(g.in(0), 0);
             g.set(1, g.dy() * g.out() * where(positive, keen::log(where(positive, g.in(0), 1)), 0));
           }
         },
     .saves_a = input(0) | input(1),
     .saves_b = input(0) | output(),
     .domain = Domain::positive,
     .formula = "a^b"});

// the gradient goes to the one that was taken; to a when equal
KEEN_OP(maximum) = elementwise(
    {.name = "maximum",
     .function = F::maximum,
     .arity = 2,
     .dtypes = real_numbers,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) g.set(0, where(greater_equal(g.in(0), g.in(1)), g.dy(), 0));
           if (g.wants(1)) g.set(1, where(less(g.in(0), g.in(1)), g.dy(), 0));
         },
     .saves_a = input(0) | input(1),
     .saves_b = input(0) | input(1),
     .domain = Domain::distinct,
     .formula = "max(a, b)"});
KEEN_OP(minimum) = elementwise(
    {.name = "minimum",
     .function = F::minimum,
     .arity = 2,
     .dtypes = real_numbers,
     .gradient =
         [](Gradient& g) {
           if (g.wants(0)) g.set(0, where(less_equal(g.in(0), g.in(1)), g.dy(), 0));
           if (g.wants(1)) g.set(1, where(greater(g.in(0), g.in(1)), g.dy(), 0));
         },
     .saves_a = input(0) | input(1),
     .saves_b = input(0) | input(1),
     .domain = Domain::distinct,
     .formula = "min(a, b)"});

}  // namespace detail

using detail::run;

Tensor add(Operand a, Operand b) { return run(detail::add_op, std::move(a), std::move(b)); }
Tensor subtract(Operand a, Operand b) { return run(detail::subtract_op, std::move(a), std::move(b)); }
Tensor multiply(Operand a, Operand b) { return run(detail::multiply_op, std::move(a), std::move(b)); }
Tensor divide(Operand a, Operand b) { return run(detail::divide_op, std::move(a), std::move(b)); }
Tensor floor_divide(Operand a, Operand b) { return run(detail::floor_divide_op, std::move(a), std::move(b)); }
Tensor mod(Operand a, Operand b) { return run(detail::mod_op, std::move(a), std::move(b)); }
Tensor pow(Operand a, Operand b) { return run(detail::pow_op, std::move(a), std::move(b)); }
Tensor maximum(Operand a, Operand b) { return run(detail::maximum_op, std::move(a), std::move(b)); }
Tensor minimum(Operand a, Operand b) { return run(detail::minimum_op, std::move(a), std::move(b)); }
Tensor operator-(TensorOperand x) { return negative(std::move(x)); }

}  // namespace keen
