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

 private:
  /// Small numbers stand where they are used.
  static bool is_inline(const Tensor& t) {
    return t.defined() && t.rank() == 0 && t.device().is_cpu() && t.to_string().size() <= longest_constant;
  }
  std::string used(int value) const {
    if (value < 0) return "undefined";
    const Tensor& constant = constants_[static_cast<std::size_t>(value)];
    return is_inline(constant) ? constant.to_string() : text('%', value);
  }
  std::string declared(int value) const {
    const Value& v = graph_.values[static_cast<std::size_t>(value)];
    std::string device = v.device.is_cpu() ? "" : text(" on ", v.device);
    std::string named = v.name.empty() ? "" : text(" '", v.name, "'");
    return text('%', value, ": ", keen::name(v.dtype), v.shape, device, named);
  }
  std::string line(const Node& node) const {
    std::string left, arguments, attributes;
    for (int value : node.outputs) left += (left.empty() ? "" : ", ") + declared(value);
    for (int value : node.inputs) arguments += (arguments.empty() ? "" : ", ") + used(value);
    for (std::size_t i = 0; i < node.attributes.size(); ++i) {
      const std::string shown = attribute(node, i);
      if (!shown.empty()) attributes += text(' ', node.op->attributes[i].name, '=', shown);
    }
    return text(left, left.empty() ? "" : " = ", node.op->name, '(', arguments, ')', attributes);
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

std::string Graph::to_dot() const {
  std::string out = "digraph keen {\n  node [shape=box];\n";
  const auto declare = [&](int value, const char* what) {
    const Value& v = values[static_cast<std::size_t>(value)];
    out += text("  v", value, " [label=\"", what, "\\n", keen::name(v.dtype), v.shape, "\", shape=ellipse];\n");
  };
  for (int value : inputs) declare(value, "input");
  for (const auto& constant : constants) declare(constant.value, "constant");
  std::unordered_map<int, std::string> made_by;
  const auto source = [&](int value) {
    const auto found = made_by.find(value);
    return found == made_by.end() ? text('v', value) : found->second;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::string name = text('n', i);
    out += text("  ", name, " [label=\"", nodes[i].op->name, "\"];\n");
    for (int value : nodes[i].inputs) out += text("  ", source(value), " -> ", name, ";\n");
    for (int value : nodes[i].outputs) made_by[value] = name;
  }
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i] >= 0)
      out += text("  r", i, " [label=\"result ", i, "\", shape=ellipse];\n  ", source(results[i]), " -> r", i, ";\n");
  return out + "}\n";
}

}  // namespace detail

std::string TensorSpec::to_string() const { return detail::text(keen::name(dtype), shape); }
std::ostream& operator<<(std::ostream& out, const TensorSpec& spec) { return out << spec.to_string(); }

}  // namespace keen
