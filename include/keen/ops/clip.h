// Keeping gradients within bounds, by their norms.
#pragma once
#include <utility>
#include <vector>

#include "keen/operand.h"

namespace keen {

// `clip_norm` is a number or a 0-d tensor, 0 or more; a smaller number is a UsageError. Integers give float32. Tensors that
// are within the bound keep their bits.

/// x · clip_norm / ‖x‖₂ where the norm is greater than clip_norm, else x. With axes each slice along them has a norm of its
/// own: clip_by_norm(x, 1, -1) bounds every row.
Tensor clip_by_norm(const Tensor& x, Operand clip_norm, const Axes& axes = {}, Where where = Where::current());

/// The 2-norm of all elements of all tensors, 0-d; undefined ones count as none, sparse ones as the tensors they stand for.
Tensor global_norm(const std::vector<Tensor>& tensors, Where where = Where::current());

/// All tensors · clip_norm / global_norm where that norm is greater than clip_norm, and the norm (Pascanu et al. 2013).
/// Undefined tensors stay undefined, sparse ones sparse. A norm that is not finite makes every element NaN, so that it shows:
///
///     auto [clipped, norm] = clip_by_global_norm(tape.gradient(loss, variables), 1);
std::pair<std::vector<Tensor>, Tensor> clip_by_global_norm(
    const std::vector<Tensor>& tensors, Operand clip_norm, Where where = Where::current());

}  // namespace keen
