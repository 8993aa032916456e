// Making plans: branches and loops, whose parts have plans of their own.
#include <algorithm>

#include "function/plan_builder.h"

namespace keen::detail {

extern const Op set_row_op;

void PlanBuilder::prepare_control() {
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (!node.op->composite) continue;
    std::vector<OperandForm> operands;
    for (int v : node.inputs) operands.push_back({value(v).dtype, value(v).shape, layouts_[at(v)].strides});
    std::vector<Shape> results;
    for (int v : node.outputs) results.push_back(value(v).shape);
    Control& control = controls_[static_cast<int>(i)];
    if (is_branch(*node.op)) control.branch = BranchStep::make(node, operands, results);
    else control.loop = LoopStep::make(node, operands);
    const auto carried = static_cast<std::ptrdiff_t>(control.loop ? control.loop->carried() : 0);
    if (!std::all_of(results.begin(), results.begin() + carried, [](const Shape& s) { return s.is_known(); }))
      control.loop = nullptr;
    const bool waits = control.loop && !control.loop->is_counted() && node.outputs.size() > control.loop->carried();
    if ((!control.branch && !control.loop) || waits) plan_.takes_addresses_ = false;
  }
}

/// Does the step hold what the node gives there, because its size is known only when it ran?
bool PlanBuilder::is_held(int node, std::size_t output) const {
  const auto found = controls_.find(node);
  if (found == controls_.end()) return false;
  const Control& control = found->second;
  if (control.loop) return !control.loop->is_counted() && output >= control.loop->carried();
  return !control.branch;
}

/// Are tensors wanted of the values that the node reads, not addresses?
bool PlanBuilder::takes_tensors(int node) const {
  const auto found = controls_.find(node);
  return found != controls_.end() && !found->second.branch && !found->second.loop;
}

/// A row that is written into an array takes the array's place where nothing else needs it.
void PlanBuilder::note_row(Draft& draft) const {
  const Node& node = graph_.nodes[at(draft.node)];
  const int array = node.inputs[0];
  const bool is_whole = root(array) == array && layouts_[at(array)].strides == contiguous_strides(value(array).shape);
  if (is_whole && std::count(draft.reads.begin(), draft.reads.end(), array) == 1)
    draft.may_replace.emplace_back(node.outputs[0], array);
}

/// The argument that a row is written into to make the result, if nothing needs it any more; else -1.
int PlanBuilder::overwritten(int result) const {
  const int made_by = maker_[at(result)];
  if (made_by < 0 || graph_.nodes[at(made_by)].op != &set_row_op) return -1;
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    const Draft& draft = drafts_[d];
    if (draft.node < 0 || graph_.nodes[at(draft.node)].op != &set_row_op || draft.makes[0] != result) continue;
    for (const auto& [made, array] : draft.may_replace)
      if (roots_[at(array)].home == Home::argument && roots_[at(array)].last_use == static_cast<int>(d))
        return static_cast<int>(std::find(graph_.inputs.begin(), graph_.inputs.end(), array) - graph_.inputs.begin());
  }
  return -1;
}

void PlanBuilder::make_control_step(const Draft& draft) {
  const Node& node = graph_.nodes[at(draft.node)];
  Control& control = controls_.at(draft.node);
  std::vector<Address> operands, results;
  for (int v : node.inputs) operands.push_back(address(v));
  for (int v : node.outputs) results.push_back(address(v));
  if (control.loop) {
    control.loop->place(std::move(operands), std::move(results), {draft.scratch, 0});
    plan_.steps_.push_back(std::move(control.loop));
  } else if (control.branch) {
    control.branch->place(std::move(operands), std::move(results));
    plan_.steps_.push_back(std::move(control.branch));
  } else {
    std::vector<Plan::Source> tensors;
    for (int v : node.inputs) tensors.push_back(source(v));
    std::vector<int> slots;
    for (const Address& result : results) slots.push_back(result.slot);
    auto step = std::make_unique<TensorStep>(plan_, node);
    step->place(std::move(tensors), std::move(slots));
    plan_.steps_.push_back(std::move(step));
  }
}

}  // namespace keen::detail
