#include "function/lift.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

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

bool contains(const std::vector<int>& values, int value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

/// What a value of a graph is computed from, as a graph of its own with numbers of its own. The rest of the graph, which
/// may be large, is not looked at.
class Ancestors {
 public:
  Ancestors(Graph& graph, int value) : graph_(graph) {
    part_.symbols = graph.symbols;
    need(value);
    for (std::size_t i = graph.nodes.size(); i-- > 0 && !open_.empty();) {
      const Node& node = graph.nodes[i];
      const auto closed = [&](int v) { return open_.erase(v) > 0; };
      if (std::count_if(node.outputs.begin(), node.outputs.end(), closed) == 0) continue;
      nodes_.push_back(i);
      for (int input : node.inputs) need(input);
    }
    std::reverse(nodes_.begin(), nodes_.end());
    for (std::size_t i : nodes_) take(graph.nodes[i]);
    part_.results = {numbers_.at(value)};
  }

  Graph& part() noexcept { return part_; }
  /// Which nodes of the graph the part's are.
  const std::vector<std::size_t>& nodes() const noexcept { return nodes_; }

 private:
  void need(int value) {
    if (numbers_.contains(value)) return;
    if (contains(graph_.inputs, value))
      fail<UsageError>(
          "Variable",
          "its first value depends on the function's arguments, which have no value while it is "
          "traced: start it with something else and assign");
    const int number = numbers_[value] = part_.add_value(Value(graph_.values[at(value)]));
    const auto constant = std::find_if(
        graph_.constants.rbegin(), graph_.constants.rend(), [&](const Constant& c) { return c.value == value; });
    if (constant == graph_.constants.rend()) open_.insert(value);
    else part_.constants.push_back({number, constant->tensor});
  }

  void take(Node& node) {
    node.may_be_absent = true;
    Node copy = node;
    for (int& v : copy.inputs) v = numbers_.at(v);
    for (int& v : copy.outputs) {
      const auto [place, is_new] = numbers_.try_emplace(v, 0);
      if (is_new) place->second = part_.add_value(Value(graph_.values[at(v)]));
      v = place->second;
    }
    part_.nodes.push_back(std::move(copy));
  }

  Graph& graph_;
  Graph part_;
  std::unordered_map<int, int> numbers_;  // of the graph's values in the part
  std::unordered_set<int> open_;          // needed, and made by a node that is still to be found
  std::vector<std::size_t> nodes_;
};

/// Draws of the trace that come before those of the part take their numbers first, in its first replay.
void draw_in_order(const Tracer& tracer, Ancestors& ancestors) {
  for (std::size_t k = 0; k < ancestors.nodes().size(); ++k) {
    Node& node = ancestors.part().nodes[k];
    const Draw draw = draw_of(*node.op, node.attributes);
    if (!draw.stream || !draw.blocks) continue;
    const std::uint64_t before = tracer.waiting_draws(*draw.stream, &tracer.graph().nodes[ancestors.nodes()[k]]);
    if (before == 0) continue;
    node.attributes[0] = static_cast<std::int64_t>(draw.stream->seed.load());
    node.attributes[1] = static_cast<std::int64_t>(reserve_behind(*draw.stream, before, *draw.blocks));
    node.attributes.back() = std::shared_ptr<void>();
  }
}

}  // namespace

Tensor lift(Tracer& tracer, int value) {
  Graph& graph = tracer.graph();
  Ancestors ancestors(graph, value);
  Graph& part = ancestors.part();
  std::vector<int> drawn;  // in the trace
  for (std::size_t k = 0; k < part.nodes.size(); ++k) {
    if (!is_root(part.nodes[k])) continue;
    const auto& made = part.nodes[k].outputs;
    part.results.insert(part.results.end(), made.begin(), made.end());
    const auto& outputs = graph.nodes[ancestors.nodes()[k]].outputs;
    drawn.insert(drawn.end(), outputs.begin(), outputs.end());
  }
  draw_in_order(tracer, ancestors);
  const EagerScope eager;
  const auto values = Replay(part).run({});
  for (std::size_t i = 0; i < drawn.size(); ++i) graph.constants.push_back({drawn[i], values[i + 1]});
  if (!drawn.empty())
    std::erase_if(graph.nodes, [&](const Node& n) { return !n.outputs.empty() && contains(drawn, n.outputs[0]); });
  return values[0];
}

}  // namespace keen::detail
