#include "function/lift.h"

#include <algorithm>

#include "core/message.h"
#include "function/replay.h"
#include "random/generator.h"

namespace keen::detail {

std::unique_ptr<Graph> clone(const Graph& graph) {
  auto copy = std::make_unique<Graph>();
  copy->values = graph.values;
  copy->nodes = graph.nodes;
  copy->inputs = graph.inputs;
  copy->constants = graph.constants;
  copy->results = graph.results;
  copy->symbols = graph.symbols;
  return copy;
}

namespace {

/// Draws of the trace that come before those of `part` take their numbers first, in its first replay.
void draw_in_order(const Tracer& tracer, Graph& part) {
  for (Node& node : part.nodes) {
    const Draw draw = draw_of(*node.op, node.attributes);
    if (!draw.stream || !draw.blocks) continue;
    const auto& nodes = tracer.graph().nodes;
    const auto self =
        std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.outputs == node.outputs; });
    const std::uint64_t before = tracer.waiting_draws(*draw.stream, &*self);
    if (before == 0) continue;
    node.attributes[0] = static_cast<std::int64_t>(draw.stream->seed.load());
    node.attributes[1] = static_cast<std::int64_t>(reserve_behind(*draw.stream, before, *draw.blocks));
    node.attributes.back() = std::shared_ptr<void>();
  }
}

}  // namespace

Tensor lift(Tracer& tracer, int value) {
  Graph& graph = tracer.graph();
  const auto part = clone(graph);
  part->results = {value};
  // Without effects, and with draws only where they are needed.
  std::vector<bool> needed(graph.values.size());
  needed[static_cast<std::size_t>(value)] = true;
  const auto is_needed = [&](const Node& node) {
    return std::any_of(
        node.outputs.begin(), node.outputs.end(), [&](int v) { return needed[static_cast<std::size_t>(v)]; });
  };
  for (std::size_t i = part->nodes.size(); i-- > 0;) {
    const Node& node = part->nodes[i];
    if (is_needed(node)) {
      for (int input : node.inputs) needed[static_cast<std::size_t>(input)] = true;
      graph.nodes[i].may_be_absent = true;
    } else {
      part->nodes.erase(part->nodes.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  for (int input : part->inputs)
    if (needed[static_cast<std::size_t>(input)])
      fail<UsageError>(
          "Variable",
          "its first value depends on the function's arguments, which have no value while it is "
          "traced: start it with something else and assign");
  part->inputs.clear();
  for (const Node& node : part->nodes)
    if (is_root(node)) part->results.insert(part->results.end(), node.outputs.begin(), node.outputs.end());
  draw_in_order(tracer, *part);
  EagerScope eager;
  const auto values = Replay(*part).run({});
  for (std::size_t i = 1; i < values.size(); ++i) {
    const int drawn = part->results[i];
    std::erase_if(graph.nodes, [&](const Node& node) { return node.outputs == std::vector{drawn}; });
    graph.constants.push_back({drawn, values[i]});
  }
  return values[0];
}

}  // namespace keen::detail
