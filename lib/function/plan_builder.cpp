#include "function/plan_builder.h"

#include <algorithm>

#include "core/message.h"
#include "core/parallel.h"
#include "function/content.h"
#include "function/passes/passes.h"
#include "keen/log.h"

namespace keen::detail {

extern const Op full_op, set_row_op;

Plan::Plan(std::shared_ptr<const Graph> graph, std::span<const Shape> argument_strides, Options options)
    : graph_(std::move(graph)) {
  PlanBuilder(*this, argument_strides, options.fuse).run();
}

PlanBuilder::PlanBuilder(Plan& plan, std::span<const Shape> argument_strides, bool fuse)
    : plan_(plan),
      graph_(*plan.graph_),
      layouts_(lay_out(graph_, argument_strides)),
      maker_(makers(graph_)),
      roots_(graph_.values.size()) {
  if (fuse) fusion_ = keen::detail::fuse(graph_, layouts_);
  fusion_.group_of.resize(graph_.nodes.size(), -1);
}

void PlanBuilder::run() {
  check_devices();
  prepare_control();
  compile_groups();
  add_drafts();
  join_tails();
  note_uses();
  find_homes();
  share_with_results();
  place_temporaries();
  make_steps();
  make_results();
}

void PlanBuilder::check_devices() const {
  for (const auto& value : graph_.values)
    if (!value.device.is_cpu()) fail<UsageError>("function", "no plan for values on ", value.device);
  for (const auto& node : graph_.nodes)
    if (!node.op->cpu && !node.op->view && !node.op->composite && node.op != &read_variable_op)
      fail<UsageError>("function", "no plan for ", node.op->name, ", which has no kernel");
}

// --- kernels

/// Roots that something outside their group reads. A number that fills a tensor is read in its stead by kernels.
std::vector<bool> PlanBuilder::needed_in_memory() const {
  std::vector<bool> needed(graph_.values.size());
  for (int v : graph_.results)
    if (v >= 0) needed[at(root(v))] = true;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (is_view(graph_, layouts_, node)) continue;
    const int group = fusion_.group_of[i];
    for (int v : node.inputs) {
      const int made_by = maker_[at(v)];
      if (group >= 0 && made_by >= 0 && fusion_.group_of[at(made_by)] == group) continue;
      needed[at(root(group >= 0 ? source_of(graph_, maker_, v) : v))] = true;
    }
  }
  return needed;
}

std::shared_ptr<const fusion::AnyLaunch> PlanBuilder::known_code(const std::string& key) {
  const std::lock_guard lock(codes_mutex_);
  const auto found = codes_.find(key);
  return found == codes_.end() ? nullptr : found->second;
}

/// Equal kernels over equal operands are one in memory: what a long plan touches fits the caches longer.
bool PlanBuilder::compile(std::size_t number, const std::vector<bool>& stored) try {
  const Group& group = fusion_.groups[number];
  LoweredGroup lowered = lower(graph_, layouts_, maker_, fusion_, static_cast<int>(number), stored);
  lowered.kernel.check();
  std::vector<Shape> strides;
  for (const auto& operand : lowered.inputs) strides.push_back(operand.strides);
  for (const auto& operand : lowered.outputs) strides.push_back(operand.strides);
  const fusion::Arrangement over = fusion::arrange(lowered.kernel, group.space, group.reduced, strides);
  Content content;
  content.add(lowered.kernel.content()), content.add(over.space), content.add(over.reduced), content.add(over.strides);
  std::string key = content.take();
  std::shared_ptr<const fusion::AnyLaunch> code = known_code(key);
  if (!code) {
    code = std::make_shared<const fusion::AnyLaunch>(fusion::make_launch(lowered.kernel, over));
    const std::lock_guard lock(codes_mutex_);
    codes_.emplace(std::move(key), code);
  }
  compiled_[number] = {std::move(lowered), std::move(code)};
  return true;
} catch (const Error& error) {
  log(LogLevel::debug,
      text("function: a group of ", fusion_.groups[number].work, " operations is not fused: ", error.what()));
  return false;
}

/// Kernels are compiled side by side. A group that has none falls apart into its operations.
void PlanBuilder::compile_groups() {
  for (;;) {
    in_memory_ = needed_in_memory();
    compiled_.clear();
    compiled_.resize(fusion_.groups.size());
    std::vector<char> compiles(fusion_.groups.size(), true);
    parallel_for(static_cast<std::int64_t>(compiles.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto g = static_cast<std::size_t>(begin); g < static_cast<std::size_t>(end); ++g)
        if (fusion_.groups[g].work > 0) compiles[g] = compile(g, in_memory_);
    });
    if (std::find(compiles.begin(), compiles.end(), false) == compiles.end()) return;
    for (int& group : fusion_.group_of)
      if (group >= 0 && !compiles[at(group)]) group = -1;
    for (std::size_t g = 0; g < compiles.size(); ++g)
      if (!compiles[g]) fusion_.groups[g] = {};
  }
}

// --- order

void PlanBuilder::add_drafts() {
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const int node = static_cast<int>(i), group = fusion_.group_of[i];
    if (group < 0) draft_node(node);
    else if (fusion_.groups[at(group)].nodes.back() == node) draft_group(group);
  }
}

void PlanBuilder::note_uses() {
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    for (int r : drafts_[d].reads) roots_[at(r)].last_use = static_cast<int>(d);
    for (int r : drafts_[d].makes) roots_[at(r)].last_use = static_cast<int>(d);
  }
  for (int v : graph_.results)
    if (v >= 0) roots_[at(root(v))].last_use = static_cast<int>(drafts_.size());
}

void PlanBuilder::draft_node(int number) {
  const Node& node = graph_.nodes[at(number)];
  if (is_view(graph_, layouts_, node)) return;
  if (node.op == &full_op && !in_memory_[at(node.outputs[0])]) return;
  Draft draft{.node = number};
  for (int v : node.inputs) draft.reads.push_back(root(v));
  draft.makes = node.outputs;
  if (node.op == &set_row_op) note_row(draft);
  if (node.op->is_elementwise()) note_same_places(draft);
  if (const auto control = controls_.find(number); control != controls_.end())
    if (const auto& loop = control->second.loop; loop && loop->scratch_bytes()) draft.scratch = plan_.slots_++;
  drafts_.push_back(std::move(draft));
}

void PlanBuilder::draft_group(int group) {
  Draft draft{.group = group};
  const LoweredGroup& lowered = compiled_[at(group)].lowered;
  for (const auto& operand : lowered.inputs) draft.reads.push_back(root(operand.value));
  for (const auto& operand : lowered.outputs) draft.makes.push_back(operand.value);
  note_replacements(draft);
  drafts_.push_back(std::move(draft));
}

/// The same for an operation by itself, as eagerly.
void PlanBuilder::note_same_places(Draft& draft) const {
  const Node& node = graph_.nodes[at(draft.node)];
  const int made = node.outputs[0];
  for (int v : node.inputs) {
    const bool is_same = root(v) == v && value(v).shape == value(made).shape && value(v).dtype == value(made).dtype &&
                         layouts_[at(v)].strides == layouts_[at(made)].strides;
    if (is_same && std::count(draft.reads.begin(), draft.reads.end(), v) == 1) draft.may_replace.emplace_back(made, v);
  }
}

/// An output may take the place of an input that it follows element by element, if the input is read nowhere else in the
/// kernel and no later pass over the row reads it again.
void PlanBuilder::note_replacements(Draft& draft) const {
  const LoweredGroup& lowered = compiled_[at(draft.group)].lowered;
  const auto facts = fusion::analyse(lowered.kernel);
  const auto is_free = [&](const LoweredGroup::Operand& in) {
    return root(in.value) == in.value && std::count(draft.reads.begin(), draft.reads.end(), in.value) == 1;
  };
  std::vector<LoweredGroup::Operand> free;
  std::copy_if(lowered.inputs.begin(), lowered.inputs.end(), std::back_inserter(free), is_free);
  for (std::size_t o = 0; o < lowered.outputs.size(); ++o) {
    const auto& out = lowered.outputs[o];
    const bool is_whole = std::find(out.strides.begin(), out.strides.end(), 0) == out.strides.end();
    if (!is_whole || facts.pass[at(lowered.kernel.stores()[o])] + 1 != facts.passes) continue;
    for (const auto& in : free)
      if (in.strides == out.strides && bytes(in.value) == bytes(out.value) &&
          size_of(value(in.value).dtype) == size_of(value(out.value).dtype))
        draft.may_replace.emplace_back(out.value, in.value);
  }
}

}  // namespace keen::detail
