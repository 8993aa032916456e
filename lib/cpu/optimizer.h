// The CPU kernels of the fused optimizer updates; their operations are described in lib/optimizers/updates.h.
#pragma once
#include "core/op.h"

namespace keen::detail::cpu {

// Gradients are dense of any layout, or the values and indices of rows; hyperparameters are the last inputs.
void sgd_update(KernelCall& call);
void momentum_update(KernelCall& call);
void adam_update(KernelCall& call);

}  // namespace keen::detail::cpu
