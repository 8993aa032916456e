#include "function/graph.h"

#include <algorithm>

#include "core/message.h"
#include "core/variable_state.h"

namespace keen::detail {
namespace {

constexpr AttributeSpec variable_attribute[] = {{"variable", AttributeKind::resource}};

void read_rule(Inference& in) {
  const Tensor value = read(resource<VariableState>(in.attributes[0]));
  in.results[0] = {value.dtype(), value.shape()};
}

}  // namespace

KEEN_OP(read_variable){
    .name = "read_variable",
    .arity = 0,
    .attributes = variable_attribute,
    .infer = read_rule,
    .differentiable = Differentiable::no,
    .formula = "the value of a variable"};

bool has_symbol(const Shape& shape) noexcept { return std::any_of(shape.begin(), shape.end(), is_symbol); }

std::shared_ptr<Graph> Graph::copy() const {
  auto made = std::make_shared<Graph>();
  made->values = values;
  made->nodes = nodes;
  made->inputs = inputs;
  made->constants = constants;
  made->results = results;
  made->symbols = symbols;
  return made;
}

int Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return static_cast<int>(values.size()) - 1;
}

int Graph::count(std::string_view op) const {
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.op->name == op; }));
}

namespace {

/// Collects what is wrong in one place, so that the error can show the graph.
class Checker {
 public:
  explicit Checker(const Graph& graph) : graph_(graph), made_(graph.values.size()) {}

  void run() {
    for (int value : graph_.inputs) make(value, "an input");
    for (const auto& constant : graph_.constants) {
      make(constant.value, "a constant");
      require(constant.tensor.defined() && !constant.tensor.is_symbolic(), "a constant without a value");
    }
    for (const auto& node : graph_.nodes) check(node);
    for (int value : graph_.results)
      if (value != -1) use(value, "a result");
    // Unknown is what only a branch or loop will tell, in a graph that was specialised for its arguments.
    for (const auto& value : graph_.values)
      for (auto dim : value.shape)
        require(
            dim >= 0 || dim == unknown || graph_.symbols.has(dim), "a dimension that is neither known nor a symbol");
  }

 private:
  template <class... Parts>
  void require(bool holds, const Parts&... what) const {
    if (!holds) fail<InternalError>("graph", what..., " in\n", graph_.to_string());
  }
  bool exists(int value) const { return value >= 0 && value < static_cast<int>(made_.size()); }
  void make(int value, const char* what) {
    require(exists(value), what, " names value %", value, ", which is not there");
    require(!made_[static_cast<std::size_t>(value)], "value %", value, " is made twice");
    made_[static_cast<std::size_t>(value)] = true;
  }
  void use(int value, const char* what) const {
    require(
        exists(value) && made_[static_cast<std::size_t>(value)], what, " takes value %", value, " before it is made");
  }

  void check(const Node& node) {
    require(node.op != nullptr, "a node without an operation");
    const Op& op = *node.op;
    require(
        op.arity == variadic || op.arity == static_cast<int>(node.inputs.size()), op.name, " with ", node.inputs.size(),
        " inputs");
    require(
        op.outputs == variadic || op.outputs == static_cast<int>(node.outputs.size()), op.name, " with ",
        node.outputs.size(), " outputs");
    require(op.attributes.size() == node.attributes.size(), op.name, " with ", node.attributes.size(), " attributes");
    for (std::size_t i = 0; i < node.attributes.size(); ++i) {
      require(
          holds(node.attributes[i], op.attributes[i].kind), op.name, ": attribute ", op.attributes[i].name,
          " of the wrong kind");
    }
    for (int value : node.inputs) use(value, op.name);
    for (int value : node.outputs) make(value, op.name);
  }

  const Graph& graph_;
  std::vector<bool> made_;
};

}  // namespace

void Graph::check() const { Checker(*this).run(); }

bool is_root(const Node& node) noexcept {
  if (node.op->effect) return true;
  if (!node.op->random || node.attributes.empty()) return false;
  const auto* stream = std::get_if<std::shared_ptr<void>>(&node.attributes.back());
  return stream && *stream;
}

std::vector<int> size_carriers(const Graph& graph) {
  std::vector<int> carriers(at(graph.symbols.count()), -1);
  const auto note = [&](int value) {
    for (auto dim : graph.values[at(value)].shape)
      if (graph.symbols.has(dim))
        if (int& carrier = carriers[at(symbol_number(dim))]; carrier < 0) carrier = value;
  };
  for (int value : graph.inputs) note(value);
  for (const auto& node : graph.nodes)
    for (int value : node.outputs) note(value);
  return carriers;
}

int prune(Graph& graph) {
  const std::vector<int> carriers = size_carriers(graph);
  std::vector<bool> needed(graph.values.size());
  for (int value : graph.results)
    if (value >= 0) needed[static_cast<std::size_t>(value)] = true;
  std::vector<bool> keep(graph.nodes.size());
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const bool is_needed = std::any_of(
        node.outputs.begin(), node.outputs.end(), [&](int v) { return needed[static_cast<std::size_t>(v)]; });
    keep[i] = is_needed || is_root(node);
    if (!keep[i]) continue;
    for (int value : node.inputs) needed[static_cast<std::size_t>(value)] = true;
    for_each_needed_size(graph, carriers, node, [&](std::size_t symbol) {
      if (carriers[symbol] >= 0) needed[at(carriers[symbol])] = true;  // what makes a size known
    });
  }
  const std::size_t before = graph.nodes.size();
  std::size_t at = 0;
  std::erase_if(graph.nodes, [&](const Node&) { return !keep[at++]; });
  std::erase_if(graph.constants, [&](const Constant& c) { return !needed[static_cast<std::size_t>(c.value)]; });
  return static_cast<int>(before - graph.nodes.size());
}

}  // namespace keen::detail
