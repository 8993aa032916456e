// Which values a row kernel keeps from one pass over a row for the next, instead of computing them again.
#include <algorithm>

#include "fusion/kernel.h"

namespace keen::detail::fusion {
namespace {

// A kept value is written once and read back, each about as dear as an addition that reads memory.
constexpr int cost_of_keeping = 4;
constexpr int cost_of_cast = 3, cost_of_half_cast = 20;

bool is_half(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }

/// What a pass would spend on a node and on what it needs that earlier passes have computed too.
int cost_again(const Kernel& kernel, const std::vector<bool>& again, int node) {
  std::vector<bool> wanted(again.size());
  wanted[static_cast<std::size_t>(node)] = true;
  int total = 0;
  for (int i = node; i >= 0; --i) {
    if (!wanted[static_cast<std::size_t>(i)] || !again[static_cast<std::size_t>(i)]) continue;
    total += cost(kernel, kernel[i]);
    for (int operand : kernel[i].operands)
      if (operand >= 0) wanted[static_cast<std::size_t>(operand)] = true;
  }
  return total;
}

/// The values that a pass computes although an earlier one did, and that something else in the pass reads.
std::vector<int> frontier(const Kernel& kernel, const std::vector<bool>& needed, const std::vector<bool>& again) {
  std::vector<int> out;
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i] || again[i]) continue;
    for (int operand : kernel[static_cast<int>(i)].operands)
      if (operand >= 0 && again[static_cast<std::size_t>(operand)]) out.push_back(operand);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

int cost(const Kernel& kernel, const Node& node) {
  switch (node.kind) {
    case NodeKind::function:
    case NodeKind::reduce:
      return cost(node.function);
    case NodeKind::cast:
      return is_half(node.dtype) || is_half(kernel[node.operands[0]].dtype) ? cost_of_half_cast : cost_of_cast;
    case NodeKind::select:
      return 1;
    default:
      return 0;
  }
}

Kernel with_kept_values(const Kernel& kernel) {
  Kernel out = kernel;
  std::vector<bool> before(kernel.nodes().size());  // what earlier passes compute
  for (int pass = 0, passes = analyse(kernel).passes; pass < passes; ++pass) {
    const auto facts = analyse(out);
    const auto needed = needed_in(out, facts, pass);
    std::vector<bool> again(needed.size());
    for (std::size_t i = 0; i < needed.size(); ++i) {
      const int node = static_cast<int>(i);
      again[i] = needed[i] && before[i] && kernel[node].kind != NodeKind::input && !is_recalled(facts, node, pass);
      before[i] = before[i] || needed[i];
    }
    for (int node : frontier(out, needed, again)) {
      if (cost_again(out, again, node) <= cost_of_keeping) continue;
      out.keep(node);
      again[static_cast<std::size_t>(node)] = false;  // free for those behind it
    }
  }
  return out;
}

}  // namespace keen::detail::fusion
