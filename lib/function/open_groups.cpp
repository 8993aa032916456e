#include "function/open_groups.h"

#include <algorithm>

#include "function/group_axes.h"
#include "fusion/kernel.h"

namespace keen::detail {

OpenGroups::OpenGroups(const Graph& graph, std::span<const Layout> layouts, const std::vector<bool>& crowded)
    : graph_(graph),
      layouts_(layouts),
      crowded_(graph.values.size()),
      group_of_(graph.values.size(), -1),
      axes_(graph.values.size()),
      pass_(graph.values.size()),
      reader_(graph.values.size(), -1),
      unread_(graph.values.size()) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (int v : graph.nodes[i].inputs) ++unread_[at(v)];
    if (!crowded.empty() && crowded[i])
      for (int v : graph.nodes[i].outputs) crowded_[at(v)] = true;
  }
  for (int v : graph.results)
    if (v >= 0) ++unread_[at(v)];
}

int OpenGroups::cost_of(const Node& node) { return node.op->is_elementwise() ? fusion::cost(node.op->scalar) : 1; }

int OpenGroups::resolve(int group) const {
  while (group >= 0 && groups_[at(group)].merged_into >= 0) group = groups_[at(group)].merged_into;
  return group;
}

int OpenGroups::open_group(int value) const {
  const int g = resolve(group_of_[at(value)]);
  return g >= 0 && groups_[at(g)].open ? g : -1;
}

void OpenGroups::close(int value, int but) {
  const int g = open_group(layouts_[at(value)].root);
  if (g >= 0 && g != but) groups_[at(g)].open = false;
}

int OpenGroups::open(Shape space) {
  groups_.emplace_back();
  Group& made = groups_.back().group;
  made.reduced.resize(at(space.rank()));
  made.space = std::move(space);
  return static_cast<int>(groups_.size()) - 1;
}

void OpenGroups::note_streams(int g, const Node& node) {
  State& state = groups_[at(g)];
  for (int v : node.inputs) {
    if (open_group(v) == g) state.outputs -= --unread_[at(v)] == 0;
    else state.inputs.insert(v);
  }
  state.outputs += unread_[at(node.outputs[0])] > 0;
}

int OpenGroups::streams_with(int g, const Node& node) const {
  const State& state = groups_[at(g)];
  int streams = state.streams() + (unread_[at(node.outputs[0])] > 0);
  for (auto v = node.inputs.begin(); v != node.inputs.end(); ++v) {
    if (std::find(node.inputs.begin(), v, *v) != v) continue;
    if (open_group(*v) != g) streams += !state.inputs.contains(*v);
    else streams -= unread_[at(*v)] == std::count(v, node.inputs.end(), *v);
  }
  return streams;
}

bool OpenGroups::is_full(int g, const Node& node) const {
  return groups_[at(g)].cost + cost_of(node) > largest_cost ||
         (crowded_[at(node.outputs[0])] && streams_with(g, node) > most_streams);
}

void OpenGroups::add(int g, int i, const Shape& axes) {
  groups_[at(g)].group.nodes.push_back(i);
  note_streams(g, node(i));
  const int value = node(i).outputs[0];
  for (int operand : node(i).inputs)
    if (open_group(operand) == g) pass_[at(value)] = std::max(pass_[at(value)], pass_[at(operand)]);
  if (joins(graph_, node(i)) != scalar::Function::none) ++pass_[at(value)];
  group_of_[at(value)] = g;
  axes_[at(value)] = axes;
}

void OpenGroups::join(int g, int i, const Shape& axes) {
  add(g, i, axes);
  State& state = groups_[at(g)];
  state.cost += cost_of(node(i));
  ++state.group.work;
  for (int value : node(i).inputs) {
    close(value, g);
    reader_[at(value)] = g;
  }
}

bool OpenGroups::takes_kept(const State& state, const State& other) const {
  const Group& group = state.group;
  if (group.kind == Group::Kind::elementwise || other.group.kind != Group::Kind::elementwise) return false;
  const std::int64_t kept = other.group.space.num_elements(), all = group.space.num_elements();
  // In a row kernel a register of work serves a single row.
  const bool has_short_rows = group.kind == Group::Kind::rows && all < shortest_row * kept;
  return !has_short_rows && kept_space(group) == other.group.space;
}

int OpenGroups::merge(int a, int b, const Node& node) {
  if (takes_kept(groups_[at(b)], groups_[at(a)])) std::swap(a, b);
  State &x = groups_[at(a)], &y = groups_[at(b)];
  const bool is_crowded = crowded_[at(node.outputs[0])] && x.streams() + y.streams() > most_streams;
  const bool is_same = x.group.space == y.group.space &&
                       (x.group.reduced == y.group.reduced || x.group.kind == Group::Kind::elementwise ||
                        y.group.kind == Group::Kind::elementwise);
  const bool is_kept = !is_same && takes_kept(x, y);
  if (!(is_same || is_kept) || x.cost + y.cost > largest_cost || is_crowded)
    return x.group.space.num_elements() >= y.group.space.num_elements() ? a : b;
  if (is_kept)
    for (int i : y.group.nodes) {
      Shape& axes = axes_[at(graph_.nodes[at(i)].outputs[0])];
      axes = axes_of_kept(x.group, axes);
    }
  if (x.group.kind == Group::Kind::elementwise) {
    x.group.kind = y.group.kind;
    x.group.reduced = y.group.reduced;
  }
  x.cost += y.cost;
  x.group.work += y.group.work;
  x.inputs.merge(y.inputs);
  x.outputs += y.outputs;
  const auto of_x = static_cast<std::ptrdiff_t>(x.group.nodes.size());
  x.group.nodes.insert(x.group.nodes.end(), y.group.nodes.begin(), y.group.nodes.end());
  std::inplace_merge(x.group.nodes.begin(), x.group.nodes.begin() + of_x, x.group.nodes.end());
  y.merged_into = a;
  return a;
}

Fusion OpenGroups::finish(const std::vector<int>& joined) {
  Fusion out;
  std::vector<int> numbers(groups_.size(), -1);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    // One operation alone has its own kernel already.
    if (groups_[g].merged_into >= 0 || groups_[g].group.work < 2) continue;
    numbers[g] = static_cast<int>(out.groups.size());
    groups_[g].group.streams = groups_[g].streams();
    out.groups.push_back(std::move(groups_[g].group));
  }
  for (int g : joined) out.group_of.push_back(g < 0 ? -1 : numbers[at(resolve(g))]);
  out.axes_of = std::move(axes_);
  return out;
}

}  // namespace keen::detail
