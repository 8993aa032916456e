// Variable writes behind all else: what raises does so before the first of them.
#include <algorithm>
#include <unordered_set>

#include "function/passes/passes.h"

namespace keen::detail {
namespace {

const void* variable_of(const Node& node) { return std::get_if<std::shared_ptr<void>>(&node.attributes[0])->get(); }

}  // namespace

int writes_last(Graph& graph) {
  // From the first write on, a write stays in its place only if a read of what has been written comes later.
  std::unordered_set<const void*> read_later;
  std::vector<bool> stays(graph.nodes.size());
  bool any_stays = false;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    if (node.op == &read_variable_op) read_later.insert(variable_of(node));
    if (!node.op->effect) continue;
    for (const auto& attribute : node.attributes)
      if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute))
        any_stays = any_stays || read_later.contains(object->get());
    // Control flow gives results, which come before what takes them, and its parts write what they write.
    any_stays = any_stays || node.op->composite;
    stays[i] = any_stays;  // writes keep their order, so those before one that stays do too
  }
  const auto moves = [&](const Node& node) {
    return node.op->effect && !stays[static_cast<std::size_t>(&node - graph.nodes.data())];
  };
  std::vector<Node> first, last;
  int changed = 0;
  for (auto& node : graph.nodes) {
    const bool moved = moves(node);
    changed += !moved && !last.empty();
    (moved ? last : first).push_back(node);
  }
  std::move(last.begin(), last.end(), std::back_inserter(first));
  graph.nodes = std::move(first);
  return changed;
}

}  // namespace keen::detail
