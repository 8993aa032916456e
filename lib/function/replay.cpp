#include "function/replay.h"

#include "core/variable_state.h"
#include "function/own_gradient.h"
#include "function/specialise.h"
#include "function/steps.h"
#include "keen/variable.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op sum_to_op;

namespace {

std::vector<Tensor> tensors_of(std::span<const Operand> operands) {
  std::vector<Tensor> out;
  for (const Operand& operand : operands) out.push_back(operand.tensor());
  return out;
}

}  // namespace

Replay::Replay(const Graph& graph) : graph_(graph) {
  std::vector<bool> used(graph.values.size());
  const auto keep = [&](int value) {
    if (value >= 0) used[static_cast<std::size_t>(value)] = true;
  };
  for (int value : graph.results) keep(value);
  for (int value : graph.inputs) keep(value);
  for (const auto& constant : graph.constants) keep(constant.value);
  last_use_.resize(graph.nodes.size());
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const auto& inputs = graph.nodes[i].inputs;
    last_use_[i].resize(inputs.size());
    for (std::size_t k = inputs.size(); k-- > 0;) {
      last_use_[i][k] = !used[static_cast<std::size_t>(inputs[k])];
      keep(inputs[k]);
    }
  }
  for (const auto& node : graph.nodes) {
    bool rewrites = is_root(node) && node.op->random;
    for (std::size_t k = 0; k < node.attributes.size(); ++k)
      rewrites = rewrites || (node.op->attributes[k].kind == AttributeKind::shape &&
                              has_symbol(std::get<Shape>(node.attributes[k])));
    rewrites_attributes_.push_back(rewrites);
  }
}

std::vector<Tensor> Replay::run(std::span<const Tensor> arguments) const {
  std::vector<Tensor> values(graph_.values.size());
  Bindings bindings(graph_.symbols);
  const auto set = [&](int value, Tensor tensor, const char* what) {
    const auto at = static_cast<std::size_t>(value);
    if (!graph_.symbols.empty()) bindings.bind(graph_.values[at].shape, tensor.shape(), what);
    values[at] = std::move(tensor);
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) set(graph_.inputs[i], arguments[i], "function");
  for (const auto& constant : graph_.constants) values[static_cast<std::size_t>(constant.value)] = constant.tensor;

  std::vector<Attribute> rewritten;
  std::vector<Operand> operands;
  std::vector<Tensor> outputs;
  const Node* at = nullptr;
  try {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      at = &node;
      note_line(node.origin.where);
      if (node.op == &read_variable_op) {
        const auto& object = *std::get_if<std::shared_ptr<void>>(&node.attributes[0]);
        set(node.outputs[0], Variable::from_state(std::static_pointer_cast<VariableState>(object)).value(),
            node.op->name);
        continue;
      }
      operands.clear();
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        Tensor& value = values[static_cast<std::size_t>(node.inputs[k])];
        if (last_use_[i][k]) operands.emplace_back(std::move(value));  // its buffer may become the result's
        else operands.emplace_back(value);
      }
      Attributes attributes = node.attributes;
      if (rewrites_attributes_[i]) {
        rewritten = node.attributes;
        bindings.substitute(*node.op, rewritten);
        draw_anew(*node.op, rewritten);
        attributes = rewritten;
      }
      outputs.assign(node.outputs.size(), Tensor());
      const CallingAgain calling(node.origin.function);
      std::optional<UnseenScope> unseen;
      if (node.unseen) unseen.emplace();
      if (node.op == &sum_to_op) outputs[0] = sum_to(operands[0].tensor(), ints(attributes[0]));
      else if (node.op == &own_gradient_op) outputs[0] = give_own_gradient(tensors_of(operands), attributes);
      else dispatch(*node.op, operands, attributes, outputs);
      for (std::size_t k = 0; k < outputs.size(); ++k) set(node.outputs[k], std::move(outputs[k]), node.op->name);
    }
  } catch (const Error& error) {
    rethrow_from(error, at->origin);
  }
  std::vector<Tensor> results;
  for (int value : graph_.results) results.push_back(value < 0 ? Tensor() : values[static_cast<std::size_t>(value)]);
  return results;
}

}  // namespace keen::detail
