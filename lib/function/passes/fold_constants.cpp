// Constant folding: what depends on constants alone is computed once, by the eager kernels themselves.
#include <algorithm>

#include "core/dispatch.h"
#include "core/message.h"
#include "function/passes/passes.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op axis_count_op;

namespace {

// A folded value may be as large as what it was made from, or this: `ones({4096, 4096})` is cheaper to make than to keep.
constexpr std::int64_t largest_folded = 4096;

bool has_symbols(const Graph& graph, const Node& node) {
  for (int value : node.outputs)
    if (has_symbol(graph.values[static_cast<std::size_t>(value)].shape)) return true;
  for (std::size_t i = 0; i < node.attributes.size(); ++i)
    if (node.op->attributes[i].kind == AttributeKind::shape && has_symbol(ints(node.attributes[i]))) return true;
  return false;
}

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph), constants_(graph.values.size()) {
    for (const auto& constant : graph.constants) constants_[static_cast<std::size_t>(constant.value)] = constant.tensor;
  }

  int run() {
    return static_cast<int>(std::erase_if(graph_.nodes, [&](const Node& node) { return fold(node); }));
  }

 private:
  bool fold(const Node& node) {
    if (node.op == &axis_count_op) return fold_count(node);
    if (node.op->effect || node.op->random || node.inputs.empty() || has_symbols(graph_, node)) return false;
    std::int64_t bytes = largest_folded, made = 0;
    for (int value : node.inputs) {
      const Tensor& constant = constants_[static_cast<std::size_t>(value)];
      if (!constant.defined() || !constant.device().is_cpu()) return false;
      bytes = std::max(bytes, static_cast<std::int64_t>(constant.nbytes()));
    }
    for (int value : node.outputs) {
      const Value& v = graph_.values[static_cast<std::size_t>(value)];
      made += v.shape.num_elements() * static_cast<std::int64_t>(size_of(v.dtype));
    }
    return made <= bytes && compute(node);
  }

  /// What raises is left to the call, where its operation may turn out to be pruned.
  bool compute(const Node& node) try {
    EagerScope outside;
    std::vector<Operand> operands;
    for (int value : node.inputs) operands.emplace_back(constants_[static_cast<std::size_t>(value)]);
    std::vector<Tensor> outputs(node.outputs.size());
    dispatch(*node.op, operands, node.attributes, outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) add(node.outputs[i], std::move(outputs[i]));
    return true;
  } catch (const Error&) {
    return false;
  }

  /// A count needs the shape alone.
  bool fold_count(const Node& node) {
    const Shape& shape = graph_.values[static_cast<std::size_t>(node.inputs[0])].shape;
    const Shape& axes = ints(node.attributes[0]);
    if (std::any_of(axes.begin(), axes.end(), [&](auto axis) { return shape[static_cast<int>(axis)] < 0; }))
      return false;
    const auto count = static_cast<float>(count_at(shape, axes));
    add(node.outputs[0], scalar_tensor(DType::float32, &count));
    return true;
  }

  void add(int value, Tensor tensor) {
    constants_[static_cast<std::size_t>(value)] = tensor;
    graph_.constants.push_back({value, std::move(tensor)});
  }

  Graph& graph_;
  std::vector<Tensor> constants_;
};

}  // namespace

int fold_constants(Graph& graph) { return Folder(graph).run(); }

}  // namespace keen::detail
