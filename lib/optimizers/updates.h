// The fused update operations: each writes one variable and its slots.
#pragma once
#include <functional>
#include <initializer_list>

#include "core/dispatch.h"
#include "core/variable_state.h"

namespace keen::detail {

/// An update by a dense gradient, and the same by values and indices of rows, int64 and in range: only these rows change,
/// those of rows that are named several times added up. Behind the gradient come the hyperparameters.
struct Update {
  const Op &dense, &rows;
};
/// w −= lr·g. Learning_rate; attribute variable.
extern const Update sgd_update;
/// Learning_rate, momentum; attributes variable, velocity, nesterov.
extern const Update momentum_update;
/// Learning_rate, beta_1, beta_2, epsilon, iterations (before the step); attributes variable, m, v.
extern const Update adam_update;

using Hyperparameters = std::initializer_list<std::reference_wrapper<const Variable>>;
/// Runs the update that the gradient is for.
void run_update(const Update& update, const Tensor& gradient, Hyperparameters hyperparameters, Attributes attributes);

/// Throws unless the gradient has the variable's shape, dtype and device.
void check_update(const char* operation, const TensorImpl& gradient, const VariableState& variable);

}  // namespace keen::detail
