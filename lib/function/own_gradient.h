// Values with a gradient of their own: what custom_gradient and recompute_grad leave in a graph.
#pragma once
#include <exception>

#include "function/part.h"

namespace keen::detail {

/// own_gradient(y, sources…, others…) is y, and what made y is unseen (Node::unseen): its gradient passes to the sources,
/// as the user's function says. That was traced right behind y, as a part of the program, so that it holds in every graph
/// into which this one is copied, replayed or cut: (dy, others…) → (dx, rows) for each source, where dx may be undefined
/// and rows are the indices of a sparse gradient.
extern const Op own_gradient_op;

/// Its attribute.
struct TracedGradient {
  std::size_t sources = 0;
  std::shared_ptr<const Part> part;
  std::exception_ptr failure;  // in the place of a part: the function cannot be traced. Thrown when it is asked for.
};
const TracedGradient& traced_gradient(const Node& node);

/// Does what a node says, in a trace or eagerly. Tapes are told of the gradient.
Tensor give_own_gradient(std::span<const Tensor> operands, Attributes attributes);
/// Only tells them.
void tell_own_gradient(std::span<const Tensor> operands, Attributes attributes, const Tensor& result);

/// For a graph that nobody differentiates any more: y itself, also in the parts that nodes hold.
void drop_own_gradients(Graph& graph);

}  // namespace keen::detail
