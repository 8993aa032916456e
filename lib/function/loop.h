// What loops, their runs and their gradients share.
#pragma once
#include "function/staged_ops.h"

namespace keen::detail {

/// The form of the loop's result i in the trace around it.
ResultSpec loop_result_spec(const Loop& loop, std::size_t i, std::span<const Tensor> operands);
/// Runs one on tensors that have elements.
std::vector<Tensor> run_loop(std::span<Operand> inputs, Attributes attributes);
std::vector<Attribute> loop_attributes_of(const Loop& loop);

}  // namespace keen::detail
