#include "function/open_groups.h"

#include <algorithm>

#include "fusion/kernel.h"

namespace keen::detail {

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

void OpenGroups::add(int g, int i, const Shape& axes) {
  groups_[at(g)].group.nodes.push_back(i);
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

int OpenGroups::merge(int a, int b) {
  State &x = groups_[at(a)], &y = groups_[at(b)];
  const bool fits = x.group.space == y.group.space && x.cost + y.cost <= largest_cost &&
                    (x.group.reduced == y.group.reduced || x.group.kind == Group::Kind::elementwise ||
                     y.group.kind == Group::Kind::elementwise);
  if (!fits) return x.group.space.num_elements() >= y.group.space.num_elements() ? a : b;
  if (x.group.kind == Group::Kind::elementwise) {
    x.group.kind = y.group.kind;
    x.group.reduced = y.group.reduced;
  }
  x.cost += y.cost;
  x.group.work += y.group.work;
  x.group.nodes.insert(x.group.nodes.end(), y.group.nodes.begin(), y.group.nodes.end());
  std::sort(x.group.nodes.begin(), x.group.nodes.end());
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
    out.groups.push_back(std::move(groups_[g].group));
  }
  for (int g : joined) out.group_of.push_back(g < 0 ? -1 : numbers[at(resolve(g))]);
  out.axes_of = std::move(axes_);
  return out;
}

}  // namespace keen::detail
