#include "function/lower.h"

#include <algorithm>

#include "function/passes/passes.h"
#include "fusion/space.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op cast_op, where_op, full_op;

int source_of(const Graph& graph, std::span<const int> maker, int value) {
  const int node = maker[static_cast<std::size_t>(value)];
  return node >= 0 && graph.nodes[static_cast<std::size_t>(node)].op == &full_op
             ? graph.nodes[static_cast<std::size_t>(node)].inputs[0]
             : value;
}

namespace {

class Lowering {
 public:
  Lowering(
      const Graph& graph, std::span<const Layout> layouts, std::span<const int> maker, const Fusion& fusion, int group)
      : graph_(graph), layouts_(layouts), maker_(maker), fusion_(fusion), group_(fusion.groups[at(group)]) {}

  LoweredGroup run(const std::vector<bool>& stored) {
    for (int i : group_.nodes) emit(graph_.nodes[at(i)]);
    for (int i : group_.nodes) {
      const int value = graph_.nodes[at(i)].outputs[0];
      if (!stored[at(value)] || layouts_[at(value)].root != value) continue;
      Shape strides = over_space(fusion_.axes_of[at(value)], value, layouts_[at(value)].strides);
      const int node = inside_.at(value);
      out_.kernel.store(varies_in_rows(strides) && !depends_on_elements(node) ? repeated(node) : node);
      out_.outputs.push_back({value, std::move(strides)});
    }
    return std::move(out_);
  }

 private:
  const Value& value(int v) const { return graph_.values[at(v)]; }

  void emit(const Node& node) {
    const int result = node.outputs[0];
    const auto function = joins(graph_, node);
    if (node.op->view) {
      inside_[result] = inside_.at(node.inputs[0]);
    } else if (function != scalar::Function::none) {
      inside_[result] = reduce(node, function);
    } else if (node.op == &cast_op) {
      inside_[result] = out_.kernel.cast(operand(node, 0), value(result).dtype);
    } else if (node.op == &where_op) {
      const int condition = operand(node, 0), a = operand(node, 1);
      inside_[result] = out_.kernel.select(condition, a, operand(node, 2));
    } else {
      const int a = operand(node, 0);
      inside_[result] = out_.kernel.apply(node.op->scalar, a, node.inputs.size() > 1 ? operand(node, 1) : -1);
    }
  }

  bool varies_in_rows(const Shape& strides) const { return fusion::varies(strides, group_.reduced, true); }
  /// Does it differ from element to element of a row?
  bool depends_on_elements(int node) const {
    const fusion::Node& n = out_.kernel[node];
    if (n.kind == fusion::NodeKind::reduce) return false;
    if (n.kind == fusion::NodeKind::input) return varies_in_rows(out_.inputs[out_.kernel.operand_of(node)].strides);
    return std::any_of(std::begin(n.operands), std::end(n.operands), [&](int operand) {
      return operand >= 0 && depends_on_elements(operand);
    });
  }
  /// A value of the row, once for each element: chosen, always, instead of an element. Where all inputs repeat along rows,
  /// that is one of an input of its own, which only this walks along the row.
  int repeated(int node) {
    auto& kernel = out_.kernel;
    const auto varies = [&](const auto& input) { return varies_in_rows(input.strides); };
    const auto found = std::find_if(out_.inputs.begin(), out_.inputs.end(), varies);
    int input = -1;
    if (found != out_.inputs.end()) {
      input = kernel.inputs()[static_cast<std::size_t>(found - out_.inputs.begin())];
    } else {
      out_.inputs.push_back(LoweredGroup::Operand(out_.inputs.front()));
      input = kernel.input(kernel[kernel.inputs().front()].dtype);
    }
    return kernel.select(kernel.constant(DType::bool_, 0), kernel.cast(input, kernel[node].dtype), node);
  }

  /// Integers are gathered as what their sum is.
  int reduce(const Node& node, scalar::Function function) {
    return out_.kernel.reduce(function, out_.kernel.cast(operand(node, 0), value(node.outputs[0]).dtype));
  }

  /// An operand as a node of the kernel: a value of the group, or an input.
  int operand(const Node& node, std::size_t k) {
    const int v = node.inputs[k];
    if (const auto found = inside_.find(v); found != inside_.end()) return found->second;
    const int source = source_of(graph_, maker_, v);
    // A reduction's operand has the axes of the space, others are broadcast to the result's.
    const Shape axes =
        joins(graph_, node) == scalar::Function::none ? fusion_.axes_of[at(node.outputs[0])] : axes_of_whole(v);
    Shape strides = source == v ? over_space(axes, v, layouts_[at(v)].strides) : Shape::filled(group_.space.rank(), 0);
    for (std::size_t i = 0; i < out_.inputs.size(); ++i)
      if (out_.inputs[i].value == source && out_.inputs[i].strides == strides) return out_.kernel.inputs()[i];
    out_.inputs.push_back({source, std::move(strides)});
    return out_.kernel.input(value(source).dtype);
  }
  Shape axes_of_whole(int v) const {
    Shape axes;
    int next = 0;
    for (auto dim : value(v).shape) axes.push_back(dim == 1 ? -1 : next++);
    return axes;
  }
  /// Strides over the space of a value that broadcasts to axes `axes`, aligned at their ends.
  Shape over_space(const Shape& axes, int v, const Shape& strides) const {
    Shape out = Shape::filled(group_.space.rank(), 0);
    for (int k = 1; k <= strides.rank(); ++k)
      if (value(v).shape[-k] != 1 && axes[-k] >= 0) out[static_cast<int>(axes[-k])] = strides[-k];
    return out;
  }

  const Graph& graph_;
  std::span<const Layout> layouts_;
  std::span<const int> maker_;
  const Fusion& fusion_;
  const Group& group_;
  std::unordered_map<int, int> inside_;  // a value of the group: its node in the kernel
  LoweredGroup out_;
};

}  // namespace

LoweredGroup lower(
    const Graph& graph, std::span<const Layout> layouts, std::span<const int> maker, const Fusion& fusion, int group,
    const std::vector<bool>& stored) {
  return Lowering(graph, layouts, maker, fusion, group).run(stored);
}

}  // namespace keen::detail
