// Variable writes behind all else: what raises does so before the first of them.
#include <algorithm>
#include <unordered_set>

#include "function/passes/passes.h"

namespace keen::detail {
namespace {

const void* object_of(const Attribute& attribute) {
  const auto* object = std::get_if<std::shared_ptr<void>>(&attribute);
  return object ? object->get() : nullptr;
}

/// Those that may raise first, unless they share a variable with one that does not.
void raising_first(std::vector<Node>& writes) {
  std::unordered_set<const void*> written;
  for (const auto& node : writes)
    if (!node.op->may_raise)
      for (const auto& attribute : node.attributes) written.insert(object_of(attribute));
  written.erase(nullptr);
  const auto is_tied = [&](const Attribute& attribute) { return written.contains(object_of(attribute)); };
  for (const auto& node : writes)
    if (node.op->may_raise && std::any_of(node.attributes.begin(), node.attributes.end(), is_tied)) return;
  std::stable_partition(writes.begin(), writes.end(), [](const Node& node) { return node.op->may_raise; });
}

}  // namespace

bool is_write(const Node& node) noexcept {
  return node.op->effect && !node.op->composite &&
         std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& a) { return object_of(a); });
}

int writes_last(Graph& graph) {
  // From the first write on, a write stays in its place only if a read of what has been written comes later.
  std::unordered_set<const void*> read_later;
  std::vector<bool> moves(graph.nodes.size());
  bool any_stays = false;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    if (node.op == &read_variable_op) read_later.insert(object_of(node.attributes[0]));
    if (!node.op->effect) continue;
    for (const auto& attribute : node.attributes) any_stays = any_stays || read_later.contains(object_of(attribute));
    // Control flow gives results, which come before what takes them, and its parts write what they write.
    any_stays = any_stays || node.op->composite;
    moves[i] = !any_stays && is_write(node);  // writes keep their order, so those before one that stays do too
  }
  std::vector<Node> first, last;
  int changed = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    changed += !moves[i] && !last.empty();
    (moves[i] ? last : first).push_back(std::move(graph.nodes[i]));
  }
  raising_first(last);
  std::move(last.begin(), last.end(), std::back_inserter(first));
  graph.nodes = std::move(first);
  return changed;
}

}  // namespace keen::detail
