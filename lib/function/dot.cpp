// Graphs for Graphviz: arguments, constants and results are ellipses, nodes boxes with what they give, and the parts that
// a node holds clusters it points to.
#include "core/message.h"
#include "function/print.h"

namespace keen::detail {
namespace {

std::string escaped(const std::string& label) {
  std::string out;
  for (char c : label) out += c == '"' || c == '\\' ? std::string{'\\', c} : c == '\n' ? "\\n" : std::string{c};
  return out;
}

class Dot {
 public:
  Dot(const Graph& graph, std::string prefix)
      : graph_(graph), prefix_(std::move(prefix)), source_(graph.values.size()) {}

  std::string run() {
    for (int value : graph_.inputs) declare(value, "input");
    for (const auto& c : graph_.constants) declare(c.value, is_inline(c.tensor) ? c.tensor.to_string() : "constant");
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) add_node(graph_.nodes[i], text(prefix_, 'n', i));
    for (std::size_t i = 0; i < graph_.results.size(); ++i) {
      if (graph_.results[i] < 0) continue;
      add(text(prefix_, 'r', i), text("result ", i), false);
      link(graph_.results[i], text(prefix_, 'r', i));
    }
    return std::move(out_);
  }

 private:
  void add(const std::string& name, const std::string& label, bool is_node) {
    out_ += text("  ", name, " [label=\"", escaped(label), is_node ? "\"" : "\", shape=ellipse", "];\n");
  }
  void declare(int value, const std::string& what) {
    const auto at = static_cast<std::size_t>(value);
    source_[at] = text(prefix_, 'v', value);
    add(source_[at], text(what, '\n', described(graph_.values[at])), false);
  }
  void link(int value, const std::string& to) {
    out_ += text("  ", source_[static_cast<std::size_t>(value)], " -> ", to, ";\n");
  }
  void add_node(const Node& node, const std::string& name) {
    std::string label = node.op->name + attributes_of(node);
    for (int value : node.outputs) label += '\n' + described(graph_.values[static_cast<std::size_t>(value)]);
    add(name, label, true);
    for (int value : node.inputs) link(value, name);
    for (int value : node.outputs) source_[static_cast<std::size_t>(value)] = name;
    const auto parts = named_parts(node);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string part = text(name, '_', i);
      out_ += dot_cluster(part, parts[i].name, parts[i].graph);
      out_ += text("  ", name, " -> ", part, " [lhead=cluster_", part, ", style=dashed];\n");
    }
  }

  const Graph& graph_;
  const std::string prefix_;
  std::vector<std::string> source_;  // of each value: the node it comes from
  std::string out_;
};

}  // namespace

// The point is what edges to and from the cluster end at.
std::string dot_cluster(const std::string& prefix, const std::string& label, const Graph* graph) {
  const std::string inside = graph ? Dot(*graph, prefix + '_').run() : "";
  return text(
      "  subgraph cluster_", prefix, " {\n  label=\"", escaped(label), "\";\n  ", prefix,
      " [shape=point, style=invis];\n", inside, "  }\n");
}

std::string dot_edge(const std::string& from, const std::string& to, const std::string& label) {
  return text(
      "  ", from, " -> ", to, " [ltail=cluster_", from, ", lhead=cluster_", to, ", label=\"", escaped(label), "\"];\n");
}

std::string dot_document(const std::string& content) {
  return "digraph keen {\n  compound=true;\n  node [shape=box];\n" + content + "}\n";
}

std::string Graph::to_dot() const { return dot_document(Dot(*this, "").run()); }

}  // namespace keen::detail
