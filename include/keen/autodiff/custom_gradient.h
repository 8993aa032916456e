// Functions with a gradient of the user's own, and functions recomputed in the backward pass.
#pragma once
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "keen/tensor.h"
#include "keen/variable.h"

namespace keen {

/// Gradients of the inputs (and, behind them, of the variables f read) from the gradient of the result.
using CustomGradient = std::function<std::vector<Tensor>(const Tensor& dy)>;
/// A function that also says how to differentiate itself.
using CustomFunction = std::function<std::pair<Tensor, CustomGradient>(const std::vector<Tensor>&)>;

/// Wraps f: its forward computation is not recorded, its gradient function is used instead. One gradient an input
/// (then one for each trainable variable f read, in order of first reading), else a UsageError; of the input's shape,
/// else a ShapeError. Any floating dtype, cast to the input's; integers and, for a real input, complex numbers are a
/// DTypeError. An empty function is a UsageError.
///
/// Inside a compiled function both run while it is traced: the gradient function right behind f, whether or not anyone asks
/// for the gradient, and once more for each tape inside that does. From then on it is part of the program, also in
/// branches, loops and calls, and counts for every tape outside. Where it cannot be traced (it asks for the value of a
/// tensor), tapes outside throw what the trace threw.
std::function<Tensor(const std::vector<Tensor>&)> custom_gradient(CustomFunction f);

/// Wraps f so that nothing it computes is kept for the backward pass, which runs f again; only what f draws is kept, so that
/// both runs see the same masks. Variables f reads get their gradients (Chen et al., "Training deep nets with sublinear memory cost", 2016).
/// Inside a compiled function it has the same gradients, and the compiler may keep what it would compute twice.
std::function<Tensor(const std::vector<Tensor>&)> recompute_grad(std::function<Tensor(const std::vector<Tensor>&)> f);

}  // namespace keen
