#include "function/trace.h"

#include <unordered_set>

#include "core/message.h"
#include "function/lift.h"

namespace keen::detail {

namespace {
std::shared_ptr<const Graph> pruned(const Graph& recorded) {
  std::shared_ptr<Graph> graph = clone(recorded);
  prune(*graph);
  graph->check();
  return graph;
}
}  // namespace

Program::Program(const Graph& recorded) : graph_(pruned(recorded)), executable_(graph_) {}

std::string explain(const std::string& name, const Trace& trace) {
  const Graph &before = *trace.recorded, &after = trace.program->graph();
  std::unordered_set<int> made;
  for (const Node& node : after.nodes) made.insert(node.outputs.begin(), node.outputs.end());
  std::string out = text(
      name, ": ", before.nodes.size(), " operations traced, ", before.nodes.size() - after.nodes.size(), " pruned, ",
      after.nodes.size(), " run\n");
  for (const Node& node : before.nodes) {
    if (node.outputs.empty() || made.contains(node.outputs[0])) continue;
    const Value& value = before.values[static_cast<std::size_t>(node.outputs[0])];
    out += text(
        "pruned: ", node.op->name, value.name.empty() ? "" : text(" '", value.name, "'"), ": ", keen::name(value.dtype),
        value.shape, '\n');
  }
  return out + trace.program->explain();
}

}  // namespace keen::detail
