// Graph: operations on values that do not exist yet, as a trace records them. Checked, printed, pruned, replayed.
#pragma once
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/context.h"
#include "function/size_table.h"
#include "function/source_line.h"

namespace keen::detail {

bool has_symbol(const Shape& shape) noexcept;

/// The place of a value, node or slot, which are numbered by int (-1: none), in a vector.
constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

/// What is known of a value before it is computed.
struct Value {
  DType dtype = DType::float32;
  Shape shape;
  Device device;
  std::string name;
};

/// One operation. It comes after the nodes that make its inputs; nodes with an effect stay in the order of the program.
struct Node {
  const Op* op = nullptr;
  std::vector<int> inputs;  // values
  std::vector<Attribute> attributes;
  std::vector<int> outputs;    // values
  Origin origin = {};          // where the program asks for it
  bool may_be_absent = false;  // from the program when it is run again: it gave a variable its first value
  bool unseen = false;         // by tapes: what comes of it has a gradient of its own
};

struct Constant {
  int value;
  Tensor tensor;
};

struct Graph {
  const std::uint64_t id = next_id();  // never reused, unlike an address: what symbolic tensors belong to
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<int> inputs;  // values that each call brings
  std::vector<Constant> constants;
  std::vector<int> results;  // values; -1 for an undefined tensor
  SizeTable symbols;

  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Another graph of the same content.
  std::shared_ptr<Graph> copy() const;
  int add_value(Value value);
  /// What the symbolic tensor of a value links to.
  TraceLink link(int value) const noexcept { return {reinterpret_cast<void*>(id), value}; }
  std::int64_t new_symbol() { return symbols.add(); }

  /// Throws InternalError unless inputs come first, every value is made once and attributes fit their schemas.
  void check() const;
  /// "%3: float32(?, 10) = matmul(%1, %2) transpose_b=true", a line a node.
  std::string to_string() const;
  /// The same for Graphviz.
  std::string to_dot() const;
  /// The number of nodes of an operation, for tests and explain.
  int count(std::string_view op) const;
};

/// Reads a variable: a node, because later assignments in the graph change what is read.
extern const Op read_variable_op;

/// Where sizes come from: of each symbol the first value that has it in its shape, inputs before nodes; -1 where none has.
/// A size that follows from others needs none.
std::vector<int> size_carriers(const Graph& graph);
/// Calls `use` with each of the graph's symbols in the attributes of a node.
template <class Use>
void for_each_symbol(const Graph& graph, const Node& node, const Use& use) {
  for (std::size_t i = 0; i < node.attributes.size(); ++i)
    if (node.op->attributes[i].kind == AttributeKind::shape && std::holds_alternative<Shape>(node.attributes[i]))
      for (auto dim : ints(node.attributes[i]))
        if (graph.symbols.has(dim)) use(dim);
}
/// Calls `use` with the numbers of the symbols that must be known to know these: those that they follow from, where
/// something carries all of them, or else they themselves.
template <class Use>
void for_each_needed_size(const Graph& graph, std::span<const int> carriers, const Node& node, const Use& use) {
  for_each_symbol(graph, node, [&](std::int64_t dim) {
    bool is_carried = true;
    const auto number = [](std::int64_t symbol) { return at(symbol_number(symbol)); };
    graph.symbols.for_each_source(dim, [&](std::int64_t s) { is_carried = is_carried && carriers[number(s)] >= 0; });
    if (is_carried) graph.symbols.for_each_source(dim, [&](std::int64_t s) { use(number(s)); });
    else use(number(dim));
  });
}

/// Must the node run although nobody needs its outputs? Effects, and draws from a shared stream.
bool is_root(const Node& node) noexcept;
/// Drops the nodes that neither results nor roots need, nor the sizes that these name. Returns how many.
int prune(Graph& graph);

}  // namespace keen::detail
