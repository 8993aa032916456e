// Transposed operands of a product: the product reads them as they lie.
#include "function/passes/passes.h"

namespace keen::detail {

extern const Op matmul_op, transpose_op;

namespace {

/// Does a permutation exchange the last two axes and nothing else?
bool swaps_last_two(const Shape& order) {
  const int rank = order.rank();
  if (rank < 2 || order[rank - 1] != rank - 2 || order[rank - 2] != rank - 1) return false;
  for (int i = 0; i + 2 < rank; ++i)
    if (order[i] != i) return false;
  return true;
}

}  // namespace

int transposes_into_products(Graph& graph) {
  const auto maker = makers(graph);
  int changed = 0;
  for (auto& node : graph.nodes) {
    if (node.op != &matmul_op) continue;
    for (std::size_t side = 0; side < 2; ++side) {
      const int made_by = maker[static_cast<std::size_t>(node.inputs[side])];
      if (made_by < 0) continue;
      const Node& inner = graph.nodes[static_cast<std::size_t>(made_by)];
      if (inner.op != &transpose_op || !swaps_last_two(ints(inner.attributes[0]))) continue;
      node.inputs[side] = inner.inputs[0];
      node.attributes[side] = !boolean(node.attributes[side]);
      ++changed;
    }
  }
  return changed;
}

}  // namespace keen::detail
