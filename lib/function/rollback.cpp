#include "function/rollback.h"

#include <algorithm>

#include "function/staged_ops.h"

namespace keen::detail {
namespace {

/// What operations with effects name are variables.
void collect(const Graph& graph, std::vector<std::shared_ptr<VariableState>>& out) {
  for (const Node& node : graph.nodes) {
    for (const Part* part : parts_of(node)) collect(part->graph(), out);
    if (!node.op->effect || node.op->composite) continue;
    for (const auto& attribute : node.attributes)
      if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute); object && *object)
        out.push_back(std::static_pointer_cast<VariableState>(*object));
  }
}

}  // namespace

std::vector<std::shared_ptr<VariableState>> guarded_variables(const Graph& graph) {
  std::vector<std::shared_ptr<VariableState>> out;
  const auto writes_inside = [](const Node& node) { return node.op->composite && node.op->effect; };
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), writes_inside)) return out;
  collect(graph, out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Rollback::Rollback(std::span<const std::shared_ptr<VariableState>> variables) : variables_(variables) {
  for (const auto& variable : variables) values_.push_back(read(*variable));
}

Rollback::~Rollback() {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    std::lock_guard lock(variables_[i]->mutex);
    variables_[i]->value = std::move(values_[i]);
  }
}

}  // namespace keen::detail
