// The text of a graph, and of specs.
#include "function/print.h"

#include <ostream>

#include "core/message.h"
#include "core/variable_state.h"
#include "function/own_gradient.h"
#include "function/staged_ops.h"
#include "keen/function/tensor_spec.h"

namespace keen {
namespace detail {

std::string described(const Value& value) {
  const std::string device = value.device.is_cpu() ? "" : text(" on ", value.device);
  const std::string named = value.name.empty() ? "" : text(" '", value.name, "'");
  return text(keen::name(value.dtype), value.shape, device, named);
}

bool is_inline(const Tensor& t) {
  constexpr std::size_t longest = 24;
  return t.defined() && t.rank() == 0 && t.device().is_cpu() && t.to_string().size() <= longest;
}

std::string indented(const std::string& lines) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size() - 1) + 1;
    out += "  " + lines.substr(at, end - at);
    at = end;
  }
  return out;
}

std::vector<NamedPart> named_parts(const Node& node) {
  std::vector<NamedPart> out;
  if (node.op == &own_gradient_op && traced_gradient(node).part)
    out.push_back({"gradient", &traced_gradient(node).part->graph()});
  const auto parts = parts_of(node);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = is_branch(*node.op) ? text("branch ", i) : i + 1 < parts.size() ? "condition" : "body";
    out.push_back({name, &parts[i]->graph()});
  }
  return out;
}

namespace {

/// Absent and false attributes are left out, and parts, which are shown below.
std::string attribute(const Node& node, std::size_t i) {
  const Attribute& a = node.attributes[i];
  if (std::holds_alternative<std::monostate>(a)) return {};
  if (const auto* truth = std::get_if<bool>(&a); truth && !*truth) return {};
  if (const auto* object = std::get_if<std::shared_ptr<void>>(&a)) {
    if (!*object || node.op->composite || node.op == &own_gradient_op) return {};
    if (std::string_view(node.op->attributes[i].name) != "variable") return "shared";
    return text('\'', static_cast<const VariableState*>(object->get())->name, '\'');
  }
  if (const auto* number = std::get_if<std::int64_t>(&a); number && is_symbol(*number)) return "?";
  return to_string(a);
}

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph), constants_(graph.values.size()) {
    for (const auto& constant : graph.constants) constants_[static_cast<std::size_t>(constant.value)] = constant.tensor;
  }

  std::string run() const {
    std::string out;
    for (int value : graph_.inputs) out += text(declared(value), " = input\n");
    for (const auto& constant : graph_.constants)
      if (!is_inline(constant.tensor)) out += text(declared(constant.value), " = constant\n");
    for (const auto& node : graph_.nodes) {
      out += line(node) + '\n';
      for (const auto& [name, part] : named_parts(node)) out += indented(name + ":\n" + indented(part->to_string()));
    }
    out += "return";
    for (std::size_t i = 0; i < graph_.results.size(); ++i) out += (i ? ", " : " ") + used(graph_.results[i]);
    return out + '\n';
  }

 private:
  std::string used(int value) const {
    if (value < 0) return "undefined";
    const Tensor& constant = constants_[static_cast<std::size_t>(value)];
    return is_inline(constant) ? constant.to_string() : text('%', value);
  }
  std::string declared(int value) const {
    return text('%', value, ": ", described(graph_.values[static_cast<std::size_t>(value)]));
  }
  std::string line(const Node& node) const {
    std::string left, arguments;
    for (int value : node.outputs) left += (left.empty() ? "" : ", ") + declared(value);
    for (int value : node.inputs) arguments += (arguments.empty() ? "" : ", ") + used(value);
    return text(left, left.empty() ? "" : " = ", node.op->name, '(', arguments, ')', attributes_of(node));
  }

  const Graph& graph_;
  std::vector<Tensor> constants_;
};

}  // namespace

std::string attributes_of(const Node& node) {
  std::string out;
  for (std::size_t i = 0; i < node.attributes.size(); ++i) {
    const std::string shown = attribute(node, i);
    if (!shown.empty()) out += text(' ', node.op->attributes[i].name, '=', shown);
  }
  return out;
}

std::string Graph::to_string() const { return Printer(*this).run(); }

}  // namespace detail

std::string TensorSpec::to_string() const { return detail::text(keen::name(dtype), shape); }
std::ostream& operator<<(std::ostream& out, const TensorSpec& spec) { return out << spec.to_string(); }

}  // namespace keen
