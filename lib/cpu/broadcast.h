// Runs a contiguous loop over tensors of any layout.
#pragma once
#include "core/tensor_impl.h"
#include "cpu/loops.h"

namespace keen::detail::cpu {

/// A loop, its inputs and its result (contiguous).
struct LoopCall {
  Loop loop;
  const TensorImpl* const* in;
  int inputs;
  const TensorImpl& out;
};

/// Inputs that are as large as the result and contiguous, or one element (their bits in `repeated`).
void run_contiguous(const LoopCall& call, unsigned repeated);
/// Inputs of any layout that broadcast to the result's shape.
void run_broadcast(const LoopCall& call);

}  // namespace keen::detail::cpu
