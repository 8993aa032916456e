// The fused update operations: each writes one variable and its slots.
#pragma once
#include "core/dispatch.h"
#include "core/variable_state.h"

namespace keen::detail {

/// w −= lr·g. Inputs gradient, learning_rate; attribute variable.
extern const Op sgd_update_op;
/// Inputs gradient, learning_rate, momentum; attributes variable, velocity, nesterov.
extern const Op momentum_update_op;
/// Inputs gradient, learning_rate, beta_1, beta_2, epsilon, iterations (before the step); attributes variable, m, v.
extern const Op adam_update_op;

/// Throws unless the gradient has the variable's shape, dtype and device.
void check_update(const char* operation, const TensorImpl& gradient, const VariableState& variable);

}  // namespace keen::detail
