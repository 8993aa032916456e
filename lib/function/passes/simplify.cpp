// Algebra that holds for every bit pattern, and views and casts that cancel or join.
#include <algorithm>
#include <cstring>

#include "function/passes/passes.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op cast_op, reshape_op, transpose_op, broadcast_to_op, stop_gradient_op, where_op, concat_op;

namespace {

using F = scalar::Function;

/// Is every value of `from` a value of `to`?
bool is_lossless(DType from, DType to) {
  const auto bits = [](DType d) { return 8 * static_cast<int>(size_of(d)); };
  if (from == to || from == DType::bool_) return !is_complex(to);
  if (is_complex(from) || is_complex(to) || to == DType::bool_) return false;
  if (is_floating(from)) {
    if (from == DType::float16 || from == DType::bfloat16) return to == DType::float32 || to == DType::float64;
    return from == DType::float32 && to == DType::float64;
  }
  if (is_floating(to)) return bits(from) <= (to == DType::float32 ? 16 : to == DType::float64 ? 32 : 0);
  if (is_unsigned_integer(from) == is_unsigned_integer(to)) return bits(from) <= bits(to);
  return is_unsigned_integer(from) && bits(from) < bits(to);
}

class Simplifier {
 public:
  explicit Simplifier(Graph& graph)
      : graph_(graph),
        names_(graph),
        maker_(makers(graph)),
        constants_(graph.values.size()),
        uses_(graph.values.size()),
        gone_(graph.nodes.size()) {
    for (const auto& constant : graph.constants) constants_[static_cast<std::size_t>(constant.value)] = constant.tensor;
    for (const auto& node : graph.nodes)
      for (int v : node.inputs) ++uses_[static_cast<std::size_t>(v)];
    for (int v : graph.results)
      if (v >= 0) ++uses_[static_cast<std::size_t>(v)];
  }

  int run() {
    int changed = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node& node = graph_.nodes[i];
      names_.rename_inputs(node);
      if (node.outputs.size() != 1) continue;
      changed += join(node);
      const int same = equal_to(node);
      if (same < 0 || !is_alike(same, node.outputs[0])) continue;
      names_.rename(node.outputs[0], same);
      for (int v : node.inputs) --uses_[at(v)];
      uses_[at(same)] += uses_[at(node.outputs[0])];
      gone_[i] = true;
      ++changed;
    }
    names_.rename_results(graph_);
    std::size_t next = 0;
    std::erase_if(graph_.nodes, [&](const Node&) { return gone_[next++]; });
    return changed;
  }

 private:
  const Value& value(int v) const { return graph_.values[static_cast<std::size_t>(v)]; }
  bool is_alike(int a, int b) const { return value(a).dtype == value(b).dtype && value(a).shape == value(b).shape; }
  const Node* maker(int v, const Op& op) const {
    const int node = maker_[static_cast<std::size_t>(v)];
    return node >= 0 && graph_.nodes[static_cast<std::size_t>(node)].op == &op
               ? &graph_.nodes[static_cast<std::size_t>(node)]
               : nullptr;
  }
  const Node* maker(int v, F function) const {
    const int node = maker_[static_cast<std::size_t>(v)];
    return node >= 0 && graph_.nodes[static_cast<std::size_t>(node)].op->scalar == function
               ? &graph_.nodes[static_cast<std::size_t>(node)]
               : nullptr;
  }

  /// Is a value the constant `number` in every element? The sign of zero counts.
  bool is_number(int v, double number) const {
    const Tensor& t = constants_[static_cast<std::size_t>(v)];
    if (!t.defined() || t.size() != 1 || !t.device().is_cpu() || is_complex(t.dtype())) return false;
    double found = 0;
    cpu::convert(DType::float64, &found, t.dtype(), t.impl()->data, 1);
    return std::memcmp(&found, &number, sizeof number) == 0;
  }

  /// The operand that an operation merely repeats, or -1.
  int equal_to(const Node& node) const {
    const auto in = [&](std::size_t k) { return node.inputs[k]; };
    const auto inner = [&](F function) {
      const Node* from = maker(in(0), function);
      return from ? from->inputs[0] : -1;
    };
    switch (node.op->scalar) {
      case F::multiply:
        return is_number(in(1), 1) ? in(0) : is_number(in(0), 1) ? in(1) : -1;
      case F::divide:
        return is_number(in(1), 1) ? in(0) : -1;
      case F::subtract:
        return is_number(in(1), 0.0) ? in(0) : -1;  // −0 − 0 = −0
      case F::add: {
        // x + 0 turns −0 into 0; x + −0 is x. Integers have one zero.
        const double zero = is_floating(value(in(0)).dtype) ? -0.0 : 0.0;
        return is_number(in(1), zero) ? in(0) : is_number(in(0), zero) ? in(1) : -1;
      }
      case F::negative:
      case F::logical_not:
        return inner(node.op->scalar);
      case F::none:
        break;
      default:
        return -1;
    }
    if (node.op == &where_op) return in(1) == in(2) ? in(1) : -1;
    const bool repeats =
        node.op == &cast_op || node.op == &reshape_op || node.op == &broadcast_to_op || node.op == &stop_gradient_op;
    if (repeats) return in(0);  // where dtype and shape stay as they are
    if (node.op == &transpose_op) {
      const Shape& order = ints(node.attributes[0]);
      return std::is_sorted(order.begin(), order.end()) ? in(0) : -1;
    }
    return -1;
  }

  int take(Node& node, int operand) {
    --uses_[at(node.inputs[0])];
    ++uses_[at(operand)];
    node.inputs[0] = operand;
    return 1;
  }

  /// An operation on the result of its like takes the inner one's operand. Returns 1 if so.
  int join(Node& node) {
    if (node.op == &reshape_op) {
      const Node* inner = maker(node.inputs[0], reshape_op);
      if (!inner) return 0;
      return take(node, inner->inputs[0]);
    }
    if (node.op == &cast_op) {
      const Node* inner = maker(node.inputs[0], cast_op);
      if (!inner || !is_lossless(value(inner->inputs[0]).dtype, value(node.inputs[0]).dtype)) return 0;
      return take(node, inner->inputs[0]);
    }
    if (node.op == &transpose_op) {
      const Node* inner = maker(node.inputs[0], transpose_op);
      if (!inner) return 0;
      const Shape& first = ints(inner->attributes[0]);
      Shape order = ints(node.attributes[0]);
      for (auto& axis : order) axis = first[static_cast<int>(axis)];
      node.attributes[0] = order;
      return take(node, inner->inputs[0]);
    }
    return node.op == &concat_op && splice(node);
  }

  /// A concatenation takes the operands of those that nothing else uses: sums of sparse gradients are chains of them.
  bool splice(Node& node) {
    const auto inner = [&](int v) {
      const Node* found = uses_[at(v)] == 1 ? maker(v, concat_op) : nullptr;
      return found && found->attributes[0] == node.attributes[0] ? maker_[at(v)] : -1;  // the axis
    };
    if (std::none_of(node.inputs.begin(), node.inputs.end(), [&](int v) { return inner(v) >= 0; })) return false;
    std::vector<int> inputs;
    Shape sizes;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      if (const int i = inner(node.inputs[k]); i >= 0) {
        Node& from = graph_.nodes[at(i)];
        gone_[at(i)] = true;
        if (k == 0) {  // a chain of any length is walked once
          inputs = std::move(from.inputs);
          sizes = std::move(std::get<Shape>(from.attributes[1]));
        } else {
          inputs.insert(inputs.end(), from.inputs.begin(), from.inputs.end());
          for (auto size : ints(from.attributes[1])) sizes.push_back(size);
        }
      } else {
        inputs.push_back(node.inputs[k]);
        sizes.push_back(ints(node.attributes[1])[static_cast<int>(k)]);
      }
    }
    node.inputs = std::move(inputs);
    node.attributes[1] = std::move(sizes);
    return true;
  }

  Graph& graph_;
  Renaming names_;
  std::vector<int> maker_;
  std::vector<Tensor> constants_;
  std::vector<int> uses_;   // a value
  std::vector<bool> gone_;  // a node
};

}  // namespace

int simplify(Graph& graph) { return Simplifier(graph).run(); }

}  // namespace keen::detail
