// The text of a graph, and of specs.
#include <ostream>

#include "core/message.h"
#include "core/variable_state.h"
#include "function/graph.h"
#include "keen/function/tensor_spec.h"

namespace keen {
namespace detail {
namespace {

constexpr std::size_t longest_constant = 24;

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph), constants_(graph.values.size()) {
    for (const auto& constant : graph.constants) constants_[static_cast<std::size_t>(constant.value)] = constant.tensor;
  }

  std::string run() {
    std::string out;
    for (int value : graph_.inputs) out += text(declared(value), " = input\n");
    for (const auto& constant : graph_.constants)
      if (!is_inline(constant.tensor)) out += text(declared(constant.value), " = constant\n");
    for (const auto& node : graph_.nodes) out += line(node) + '\n';
    out += "return";
    for (std::size_t i = 0; i < graph_.results.size(); ++i) out += (i ? ", " : " ") + used(graph_.results[i]);
    return out + '\n';
  }

  /// Arguments, constants and results are ellipses, nodes boxes with what they give.
  std::string dot() const {
    std::string out = "digraph keen {\n  node [shape=box];\n";
    const auto add = [&](const std::string& name, const std::string& label, bool is_node) {
      out += text("  ", name, " [label=\"", escaped(label), is_node ? "\"" : "\", shape=ellipse", "];\n");
    };
    std::vector<std::string> source(graph_.values.size());
    const auto declare = [&](int value, const std::string& what) {
      source[static_cast<std::size_t>(value)] = text('v', value);
      add(text('v', value), text(what, '\n', described(value)), false);
    };
    const auto link = [&](int value, const std::string& to) {
      out += text("  ", source[static_cast<std::size_t>(value)], " -> ", to, ";\n");
    };
    for (int value : graph_.inputs) declare(value, "input");
    for (const auto& c : graph_.constants) declare(c.value, is_inline(c.tensor) ? c.tensor.to_string() : "constant");
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      std::string label = node.op->name + attributes(node);
      for (int value : node.outputs) label += '\n' + described(value);
      add(text('n', i), label, true);
      for (int value : node.inputs) link(value, text('n', i));
      for (int value : node.outputs) source[static_cast<std::size_t>(value)] = text('n', i);
    }
    for (std::size_t i = 0; i < graph_.results.size(); ++i) {
      if (graph_.results[i] < 0) continue;
      add(text('r', i), text("result ", i), false);
      link(graph_.results[i], text('r', i));
    }
    return out + "}\n";
  }

 private:
  static std::string escaped(const std::string& label) {
    std::string out;
    for (char c : label) out += c == '"' || c == '\\' ? std::string{'\\', c} : c == '\n' ? "\\n" : std::string{c};
    return out;
  }
  /// Small numbers stand where they are used.
  static bool is_inline(const Tensor& t) {
    return t.defined() && t.rank() == 0 && t.device().is_cpu() && t.to_string().size() <= longest_constant;
  }
  std::string used(int value) const {
    if (value < 0) return "undefined";
    const Tensor& constant = constants_[static_cast<std::size_t>(value)];
    return is_inline(constant) ? constant.to_string() : text('%', value);
  }
  std::string declared(int value) const { return text('%', value, ": ", described(value)); }
  std::string described(int value) const {
    const Value& v = graph_.values[static_cast<std::size_t>(value)];
    std::string device = v.device.is_cpu() ? "" : text(" on ", v.device);
    std::string named = v.name.empty() ? "" : text(" '", v.name, "'");
    return text(keen::name(v.dtype), v.shape, device, named);
  }
  std::string line(const Node& node) const {
    std::string left, arguments;
    for (int value : node.outputs) left += (left.empty() ? "" : ", ") + declared(value);
    for (int value : node.inputs) arguments += (arguments.empty() ? "" : ", ") + used(value);
    return text(left, left.empty() ? "" : " = ", node.op->name, '(', arguments, ')', attributes(node));
  }
  static std::string attributes(const Node& node) {
    std::string out;
    for (std::size_t i = 0; i < node.attributes.size(); ++i) {
      const std::string shown = attribute(node, i);
      if (!shown.empty()) out += text(' ', node.op->attributes[i].name, '=', shown);
    }
    return out;
  }
  /// What differs from the ordinary: absent and false attributes are left out.
  static std::string attribute(const Node& node, std::size_t i) {
    const Attribute& a = node.attributes[i];
    if (std::holds_alternative<std::monostate>(a)) return {};
    if (const auto* truth = std::get_if<bool>(&a); truth && !*truth) return {};
    if (const auto* object = std::get_if<std::shared_ptr<void>>(&a)) {
      if (!*object) return {};
      if (std::string_view(node.op->attributes[i].name) != "variable") return "shared";
      return text('\'', static_cast<const VariableState*>(object->get())->name, '\'');
    }
    if (const auto* number = std::get_if<std::int64_t>(&a); number && is_symbol(*number)) return "?";
    return to_string(a);
  }

  const Graph& graph_;
  std::vector<Tensor> constants_;
};

}  // namespace

std::string Graph::to_string() const { return Printer(*this).run(); }

std::string Graph::to_dot() const { return Printer(*this).dot(); }

}  // namespace detail

std::string TensorSpec::to_string() const { return detail::text(keen::name(dtype), shape); }
std::ostream& operator<<(std::ostream& out, const TensorSpec& spec) { return out << spec.to_string(); }

}  // namespace keen
