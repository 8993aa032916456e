// Lifting: computing a value of a trace at once, because a variable is to start with it.
#pragma once
#include "function/tracer.h"

namespace keen::detail {

/// A copy of a graph, with an identity of its own.
std::unique_ptr<Graph> clone(const Graph& graph);

/// The value of `value`, computed eagerly from what the trace holds so far. It must not depend on the graph's inputs,
/// else UsageError. Draws it takes from shared streams become constants: they happen once, now, with the numbers that they
/// have in eager code.
Tensor lift(Tracer& tracer, int value);

}  // namespace keen::detail
