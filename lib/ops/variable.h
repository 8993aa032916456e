// What the operations on variables share.
#pragma once
#include "core/dispatch.h"
#include "core/variable_state.h"

namespace keen::detail {

extern const Op contiguous_op;

/// The state of a handle; UsageError for an empty one, naming the operation.
const VariableState& state_behind(const Variable& v, const char* operation);

/// Runs an operation's kernel on the device of `to`, which exists already, into it.
void run_into(const Op& op, std::span<const Operand> operands, Tensor& to);

}  // namespace keen::detail
