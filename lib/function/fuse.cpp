#include "function/fuse.h"

#include <algorithm>
#include <optional>

#include "function/group_axes.h"
#include "function/open_groups.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op cast_op, where_op, reshape_op, broadcast_to_op, sum_op, prod_op, max_op, largest_op, min_op, any_op,
    all_op;

bool is_pointwise(const Graph& graph, const Node& node) {
  if (node.op->is_elementwise() || node.op == &where_op) return true;
  const auto dtype = [&](int value) { return graph.values[static_cast<std::size_t>(value)].dtype; };
  return node.op == &cast_op && !is_complex(dtype(node.inputs[0])) && !is_complex(dtype(node.outputs[0]));
}

scalar::Function joins(const Graph& graph, const Node& node) {
  using F = scalar::Function;
  const DType dtype =
      node.inputs.empty() ? DType::complex64 : graph.values[static_cast<std::size_t>(node.inputs[0])].dtype;
  if (is_complex(dtype) || dtype == DType::float16 || dtype == DType::bfloat16) return F::none;
  return node.op == &sum_op                             ? F::add
         : node.op == &prod_op                          ? F::multiply
         : node.op == &max_op || node.op == &largest_op ? F::maximum
         : node.op == &min_op                           ? F::minimum
         : node.op == &any_op                           ? F::maximum  // of truths
         : node.op == &all_op                           ? F::minimum
                                                        : F::none;
}

namespace {

// How often a kernel may walk a row: what a reduction waits for is computed anew in each later pass, so that a chain of
// them would cost the square of its length, to compile and to run.
constexpr int most_passes = 4;

/// Walks the nodes in order and finds for each the group that it belongs to.
class Fuser : OpenGroups {
 public:
  using OpenGroups::OpenGroups;

  Fusion run() {
    std::vector<int> joined(graph_.nodes.size(), -1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) joined[i] = visit(static_cast<int>(i));
    return finish(joined);
  }

 private:
  int visit(int i) {
    const Node& n = node(i);
    if (!n.op->composite && n.outputs.size() == 1 && shape(n.outputs[0]).num_elements() > 0) {
      if (is_view(graph_, layouts_, n)) return visit_view(i);
      if (is_pointwise(graph_, n)) return visit_pointwise(i);
      if (joins(graph_, n) != scalar::Function::none && shape(n.inputs[0]).num_elements() > 0)
        return visit_reduction(i);
    } else if (n.outputs.size() == 1 && is_view(graph_, layouts_, n)) {
      return -1;
    }
    for (int value : n.inputs) close(value);
    return -1;
  }

  // --- views: inside a group while they only add or drop axes of size 1, or repeat

  int visit_view(int i) {
    const Node& n = node(i);
    const int from = n.inputs[0], to = n.outputs[0], g = open_group(from);
    if (g < 0) return -1;
    std::optional<Shape> axes;
    if (n.op == &reshape_op) axes = reshaped_axes(axes_[at(from)], shape(from), shape(to));
    else if (n.op == &broadcast_to_op) axes = spread(g, n.inputs, shape(to));
    if (!axes) return -1;
    add(g, i, *axes);
    return g;
  }
  // --- elementwise work

  int visit_pointwise(int i) {
    const Node& n = node(i);
    int g = -1;
    for (int value : n.inputs) {
      const int other = open_group(value);
      if (other < 0 || other == g) continue;
      g = g < 0 ? other : merge(g, other, n);
    }
    std::optional<Shape> axes;
    if (g >= 0) axes = place(g, n);
    if (!axes) {
      g = sibling(n);
      if (g >= 0) axes = place(g, n);
    }
    if (!axes) {
      g = open(without_ones(shape(n.outputs[0])));
      axes = whole_axes(group(g), shape(n.outputs[0]));
    }
    join(g, i, *axes);
    return g;
  }

  /// Where the result of an elementwise node lies in a group, if it can be of it.
  std::optional<Shape> place(int g, const Node& n) const {
    if (is_full(g, n)) return {};
    for (int value : n.inputs) {
      const bool inside = open_group(value) == g;
      // A view that is no value of the group reads memory which the group has yet to write.
      if (!inside && open_group(layouts_[at(value)].root) == g) return {};
    }
    return spread(g, n.inputs, shape(n.outputs[0]));
  }

  /// The axes of a result to which the operands broadcast: those of the operands in the group, completed to the whole
  /// space where some are still open.
  std::optional<Shape> spread(int g, const std::vector<int>& operands, const Shape& result) const {
    Shape axes = Shape::filled(result.rank(), -1);
    for (int value : operands) {
      if (open_group(value) != g) continue;
      const Shape& inner = axes_[at(value)];
      for (int k = 1; k <= inner.rank(); ++k) {
        if (inner[-k] < 0) continue;
        if (axes[-k] >= 0 && axes[-k] != inner[-k]) return {};
        axes[-k] = inner[-k];
      }
    }
    bool complete = true;
    for (int k = 0; k < result.rank(); ++k) complete = complete && (result[k] == 1 || axes[k] >= 0);
    if (!complete) {
      const auto all = whole_axes(group(g), result);
      if (!all) return {};
      for (int k = 0; k < result.rank(); ++k)
        if (axes[k] >= 0 && axes[k] != (*all)[k]) return {};
      axes = *all;
    }
    return is_whole(group(g), axes) || is_kept(group(g), axes) ? std::optional(axes) : std::nullopt;
  }
  /// An open group over the same space that reads one of the operands already: both then read it once.
  int sibling(const Node& n) const {
    const Shape space = without_ones(shape(n.outputs[0]));
    for (int value : n.inputs) {
      const int g = resolve(reader_[at(value)]);
      if (g >= 0 && groups_[at(g)].open && groups_[at(g)].group.space == space && without_ones(shape(value)) == space)
        return g;
    }
    return -1;
  }

  // --- reductions

  int visit_reduction(int i) {
    const Node& n = node(i);
    const int value = n.inputs[0];
    int g = open_group(value);
    if (g < 0 && open_group(layouts_[at(value)].root) < 0) {
      const int other = resolve(reader_[at(value)]);
      if (other >= 0 && groups_[at(other)].open && whole_axes(group(other), shape(value))) g = other;
    }
    if (g < 0 || !can_reduce(g, n)) {
      g = open(without_ones(shape(value)));
      can_reduce(g, n);
    }
    State& state = groups_[at(g)];
    const auto reduced = reduced_axes(state.group, operand_axes(g, value), n);
    if (std::find(reduced.begin(), reduced.end(), true) == reduced.end()) {  // nothing to join: left to itself
      close(value);
      return -1;
    }
    if (state.group.kind == Group::Kind::elementwise) {
      state.group.reduced = reduced;
      state.group.kind = std::is_sorted(reduced.begin(), reduced.end()) ? Group::Kind::rows : Group::Kind::columns;
    }
    join(g, i, result_axes(operand_axes(g, value), n));
    return g;
  }
  Shape operand_axes(int g, int value) const {
    return open_group(value) == g ? axes_[at(value)] : *whole_axes(group(g), shape(value));
  }
  bool can_reduce(int g, const Node& n) const {
    if (open_group(n.inputs[0]) == g && pass_[at(n.inputs[0])] >= most_passes) return false;
    const Shape axes = operand_axes(g, n.inputs[0]);
    if (is_full(g, n) || !is_whole(group(g), axes)) return false;
    return group(g).kind == Group::Kind::elementwise || reduced_axes(group(g), axes, n) == group(g).reduced;
  }
};

}  // namespace

/// How wide a kernel becomes is known when its group is: nodes of those that are too wide are grouped again, and stay
/// apart where they would meet in one that is too wide half-way.
Fusion fuse(const Graph& graph, std::span<const Layout> layouts) {
  Fusion found = Fuser(graph, layouts, {}).run();
  std::vector<bool> crowded(graph.nodes.size());
  bool any = false;
  for (const Group& group : found.groups) {
    if (group.streams <= most_streams) continue;
    for (int i : group.nodes) crowded[at(i)] = any = true;
  }
  return any ? Fuser(graph, layouts, crowded).run() : found;
}

}  // namespace keen::detail
