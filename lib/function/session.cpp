// A session records what is new and checks what is known against its record.
#include "function/session.h"

#include <algorithm>
#include <cstring>

#include "core/message.h"
#include "core/variable_state.h"
#include "function/own_gradient.h"
#include "function/specialise.h"

namespace keen::detail {

Session::Session(
    const std::string& name, Trace& trace, std::vector<Tensor> values, std::vector<Ran> ran,
    std::function<void()> leave)
    : Tracer(*trace.recorded),
      name_(name),
      trace_(trace),
      segment_(&trace),
      arguments_(std::move(values)),
      values_(arguments_),
      ran_(std::move(ran)),
      mode_(ran_.empty() ? Mode::recording : Mode::checking),
      leave_(std::move(leave)),
      outer_observers_(thread_context.observers) {}

Session::~Session() = default;

Tensor Session::make(int value) { return made_.emplace_back(Tracer::make(value)); }

std::vector<Tensor> Session::arguments() {
  std::vector<Tensor> out;
  if (mode_ == Mode::checking) {
    for (int value : graph_->inputs) out.push_back(make(value));
  } else {
    for (std::size_t i = 0; i < trace_.specs.size(); ++i) out.push_back(input(trace_.specs[i], values_[i].device()));
  }
  return out;
}

Bindings Session::sizes_of_call() const {
  Bindings sizes(graph_->symbols);
  if (mode_ == Mode::checking && at_ > 0) return sizes;  // only what the last segment gave is kept
  for (std::size_t i = 0; i < graph_->inputs.size(); ++i)
    sizes.bind(graph_->values[at(graph_->inputs[i])].shape, values_[i].shape(), name_.c_str());
  return sizes;
}

void Session::changed(const std::string& what) const {
  fail<UsageError>(
      name_.c_str(), "the function is run again to follow a decision it has not taken before, and ", what,
      to_string(line()).empty() ? "" : " at ", to_string(line()),
      ": between decisions on tensors it must do the same every time");
}

/// Goes past what made first values of variables and is not made again; `op` (if any) comes next.
void Session::skip_absent(const Op* op) {
  const auto is_absent = [&](const Node& node) {
    const std::source_location &then = node.origin.where, &now = line();
    return node.may_be_absent && (node.op != op || then.line() != now.line() || then.file_name() != now.file_name());
  };
  while (cursor_ < graph_->nodes.size() && is_absent(graph_->nodes[cursor_])) ++cursor_;
}

const Node& Session::expect(const Op& op) {
  skip_absent(&op);
  if (cursor_ >= graph_->nodes.size()) changed(text("calls ", op.name, ", which it did not do"));
  const Node& node = graph_->nodes[cursor_++];
  if (node.op != &op) changed(text("calls ", op.name, " where it called ", node.op->name));
  return node;
}

/// Is the operand what the recorded node took? A tensor from outside may be another one of the same form, and a number
/// must be the same.
bool Session::is_same(int value, const Operand& operand) const {
  const TensorImpl& now = *operand.impl();
  if (now.is_symbolic()) return now.extra->link.trace == graph_->link(0).trace && now.extra->link.value == value;
  const auto constant = std::find_if(
      graph_->constants.begin(), graph_->constants.end(), [&](const Constant& c) { return c.value == value; });
  if (constant == graph_->constants.end()) return false;
  const TensorImpl& then = *constant->tensor.impl();
  if (&now == &then) return true;
  if (now.dtype != then.dtype || now.shape != then.shape) return false;
  return now.size != 1 || !now.device.is_cpu() || !std::memcmp(now.data, then.data, size_of(now.dtype));
}

void Session::check_node(const Node& node, std::span<const Operand> inputs, Attributes attributes) {
  bool same = node.inputs.size() == inputs.size();
  for (std::size_t i = 0; same && i < inputs.size(); ++i) same = is_same(node.inputs[i], inputs[i]);
  if (!same) changed(text("calls ", node.op->name, " with other operands"));
  if (node.op->composite || node.op == &own_gradient_op) return;  // what they hold is made anew
  for (std::size_t i = 0; i < attributes.size(); ++i)
    if (!node.op->random && attributes[i] != node.attributes[i])
      changed(text("calls ", node.op->name, " with another ", node.op->attributes[i].name));
}

void Session::interpret(
    const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
    std::span<Tensor> outputs) {
  if (mode_ == Mode::recording) return Tracer::interpret(op, inputs, attributes, results, outputs);
  const Node& node = expect(op);
  check_node(node, inputs, attributes);
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = make(node.outputs[i]);
  if (op.effect) forget_reads();
}

Tensor Session::add_read(const std::shared_ptr<VariableState>& variable) {
  if (mode_ == Mode::recording) return Tracer::add_read(variable);
  const Node& node = expect(read_variable_op);
  if (&resource<VariableState>(node.attributes[0]) != variable.get()) changed("reads another variable");
  return make(node.outputs[0]);
}

void Session::finish(std::span<const Tensor> results, std::shared_ptr<const void> structure) {
  check_followed();
  check_unspoilt();
  if (mode_ == Mode::eager) return;
  if (mode_ == Mode::checking) changed("ends before");
  graph_->results.clear();
  for (const Tensor& tensor : results) result(tensor);
  segment_->structure = std::move(structure);
  segment_->names = names();
  segment_->program = program_for(trace_, *graph_);
  ++trace_.segments;
  if (open_) before_->next.emplace_back(answer_, std::move(open_));
}

}  // namespace keen::detail
