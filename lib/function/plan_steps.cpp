// The last part of making a plan: steps with addresses, and the results.
#include <algorithm>
#include <unordered_set>

#include "core/message.h"
#include "function/content.h"
#include "function/passes/passes.h"
#include "function/plan_builder.h"

namespace keen::detail {

extern const Op contiguous_op;

void PlanBuilder::make_steps() {
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    const Draft& draft = drafts_[d];
    if (draft.product >= 0) make_tail_step(draft);
    else if (draft.group >= 0) make_kernel_step(draft);
    else if (graph_.nodes[at(draft.node)].op->composite) make_control_step(draft);
    else make_op_step(draft.node);
    if (const int node = draft.product >= 0 ? draft.product : draft.node; node >= 0)
      plan_.steps_.back()->origin = graph_.nodes[at(node)].origin;
    // Variables are let go as soon as nothing reads them: a write then finds their buffer unshared.
    const auto release = [&](int r) {
      if (roots_[at(r)].home == Home::held && roots_[at(r)].last_use == static_cast<int>(d))
        plan_.steps_.back()->releases.push_back(roots_[at(r)].slot);
    };
    for (int r : draft.reads) release(r);
    for (int r : draft.makes) release(r);
  }
  find_writes();
  join_updates();
}

/// The steps at the end that only write. A single one needs no preparation: it fails before it writes, or not at all.
void PlanBuilder::find_writes() {
  const auto writes = [&](const Draft& draft) { return draft.node >= 0 && is_write(graph_.nodes[at(draft.node)]); };
  std::size_t first = drafts_.size();
  while (first > 0 && writes(drafts_[first - 1])) --first;
  plan_.first_write_ = first;
  std::unordered_set<const void*> seen;
  for (std::size_t d = first; d < drafts_.size() && drafts_.size() - first > 1; ++d)
    for (const auto& attribute : graph_.nodes[at(drafts_[d].node)].attributes)
      if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute);
          object && seen.insert(object->get()).second)
        plan_.written_.push_back(std::static_pointer_cast<VariableState>(*object));
}

/// Neighbouring updates become one step.
void PlanBuilder::join_updates() {
  std::vector<std::unique_ptr<Step>> joined, run;
  const auto finish_run = [&] {
    if (run.size() > 1) joined.push_back(std::make_unique<UpdatesStep>(std::exchange(run, {})));
    for (auto& step : run) joined.push_back(std::move(step));
    run.clear();
  };
  std::size_t first_write = 0;
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    const int node = drafts_[d].node;
    const bool joins = node >= 0 && graph_.nodes[at(node)].op->update;
    if (!joins) finish_run();
    if (d < plan_.first_write_) first_write = joined.size() + 1;
    (joins ? run : joined).push_back(std::move(plan_.steps_[d]));
  }
  finish_run();
  plan_.steps_ = std::move(joined);
  plan_.first_write_ = first_write;
}

void PlanBuilder::make_kernel_step(const Draft& draft) {
  Compiled& compiled = compiled_[at(draft.group)];
  std::vector<Address> operands;
  for (const auto& operand : compiled.lowered.inputs) operands.push_back(address(operand.value));
  for (const auto& operand : compiled.lowered.outputs) operands.push_back(address(operand.value));
  plan_.most_operands_ = std::max(plan_.most_operands_, operands.size());
  const Group& group = fusion_.groups[at(draft.group)];
  std::string names;
  for (int number : group.nodes) {
    const Node& node = graph_.nodes[at(number)];
    if (!node.op->view) names += text(names.empty() ? "" : ", ", node.op->name, " %", node.outputs[0]);
  }
  const char* kind = group.kind == Group::Kind::rows      ? " by rows"
                     : group.kind == Group::Kind::columns ? " by columns"
                                                          : "";
  std::string description = text(
      "kernel over ", group.space, kind, ", ", compiled.lowered.inputs.size(), " in, ", compiled.lowered.outputs.size(),
      " out: ", names);
  plan_.steps_.push_back(
      std::make_unique<KernelStep>(std::move(compiled.code), std::move(operands), std::move(description)));
}

void PlanBuilder::make_op_step(int number) {
  const Node& node = graph_.nodes[at(number)];
  if (node.op == &read_variable_op) {
    const auto& object = *std::get_if<std::shared_ptr<void>>(&node.attributes[0]);
    plan_.steps_.push_back(
        std::make_unique<ReadStep>(roots_[at(node.outputs[0])].slot, std::static_pointer_cast<VariableState>(object)));
    return;
  }
  const bool copies = node.op->view != nullptr;  // a reshape of scattered elements
  std::vector<OpStep::Place> inputs, outputs;
  Plan::OpTemplate made{{}, {}, node.attributes};
  for (int v : node.inputs) {
    inputs.push_back({address(v), moves(v)});
    made.inputs.push_back({value(v).dtype, value(v).shape, layouts_[at(v)].strides});
  }
  for (int v : node.outputs) {
    outputs.push_back({address(v), moves(v)});
    made.outputs.push_back({value(v).dtype, value(v).shape, layouts_[at(v)].strides, moves(v)});
  }
  const Op& op = copies ? contiguous_op : *node.op;
  const std::size_t state = template_like(op, made);
  auto step = std::make_unique<OpStep>(op, state, std::move(inputs), std::move(outputs));
  if (state < plan_.op_templates_.size()) {
    plan_.op_steps_[state]->share();
    step->share();
  } else {
    plan_.op_steps_.push_back(step.get());
    plan_.op_templates_.push_back(std::move(made));
  }
  plan_.steps_.push_back(std::move(step));
}

/// Steps of one operation on operands of equal forms share their headers, of which a long plan would else touch three a
/// step. Returns the place of those that serve, or where they are to be. Updates wait for each other, with their headers.
std::size_t PlanBuilder::template_like(const Op& op, const Plan::OpTemplate& made) {
  const std::size_t next = plan_.op_templates_.size();
  if (op.update) return next;
  Content content;
  content.add(&op), content.add(made.attributes);
  for (const auto* headers : {&made.inputs, &made.outputs})
    for (const auto& header : *headers) {
      content.add(header.dtype), content.add(header.is_fresh);
      content.add(header.shape), content.add(header.strides);
    }
  return templates_.try_emplace(content.take(), next).first->second;
}

Plan::Source PlanBuilder::source(int v) const {
  using From = Plan::Source::From;
  Plan::Source out;
  if (v < 0) return out;
  const Layout& layout = layouts_[at(v)];
  const Root& root = roots_[at(layout.root)];
  out.from = root.home == Home::argument ? From::argument : root.home == Home::constant ? From::constant : From::slot;
  out.index = out.from == From::slot ? root.slot : root.number;
  out.is_view = layout.root != v;
  out.dtype = value(v).dtype;
  out.shape = value(v).shape;
  out.strides = layout.strides;
  out.offset = layout.offset;
  return out;
}

void PlanBuilder::make_results() {
  using From = Plan::Source::From;
  for (int v : graph_.results) {
    Plan::Result result;
    static_cast<Plan::Source&>(result) = source(v);
    if (v < 0) plan_.takes_addresses_ = false;
    if (plan_.takes_addresses_) {
      result.address = address(v);
      result.is_dense = is_contiguous(result.shape, result.strides);
      result.bytes = static_cast<std::size_t>(bytes(v));
      if (root(v) == v) result.overwrites = overwritten(v);
    }
    plan_.results_.push_back(std::move(result));
  }
  // Of a slot: the last result that it gives, and the first that it gives as it is.
  std::vector<int> last(at(plan_.slots_), -1), whole(at(plan_.slots_), -1);
  for (std::size_t i = plan_.results_.size(); i-- > 0;) {
    auto& result = plan_.results_[i];
    if (result.from != From::slot) continue;
    result.takes = last[at(result.index)] < 0;
    if (result.takes) last[at(result.index)] = static_cast<int>(i);
    if (!result.is_view) whole[at(result.index)] = static_cast<int>(i);
  }
  for (auto& root : plan_.fresh_) root.result = whole[at(root.slot)];
}

}  // namespace keen::detail
