// What follows from a fused kernel's structure: passes over a row, the printed text, the split of long reductions.
#include <algorithm>
#include <bit>

#include "core/message.h"
#include "fusion/kernel.h"

namespace keen::detail::fusion {
namespace {

const char* access_name(Access access) {
  return access == Access::contiguous ? "contiguous" : access == Access::broadcast ? "broadcast" : "strided";
}

std::string constant_text(const Node& node) {
  if (node.dtype == DType::float32) return text(std::bit_cast<float>(static_cast<std::uint32_t>(node.bits)));
  if (node.dtype == DType::float64) return text(std::bit_cast<double>(node.bits));
  if (node.dtype == DType::uint64) return text(static_cast<std::uint64_t>(node.bits));
  const int shift = 64 - 8 * static_cast<int>(size_of(node.dtype));
  const auto left = static_cast<std::uint64_t>(node.bits) << shift;
  return is_signed_integer(node.dtype) ? text(static_cast<std::int64_t>(left) >> shift) : text(left >> shift);
}

}  // namespace

Analysis analyse(const Kernel& kernel) {
  Analysis out;
  const auto nodes = kernel.nodes();
  out.per_element.resize(nodes.size());
  out.pass.resize(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    bool per_element = node.kind == NodeKind::input && node.access != Access::broadcast;
    int pass = 0;
    for (int operand : node.operands) {
      if (operand < 0) continue;
      const auto at = static_cast<std::size_t>(operand);
      per_element = per_element || out.per_element[at];
      // What a reduction gathered in pass p is known from pass p + 1 on.
      pass = std::max(pass, out.pass[at] + (nodes[at].kind == NodeKind::reduce));
    }
    out.per_element[i] = per_element && node.kind != NodeKind::reduce;
    out.pass[i] = pass;
    out.has_reduction = out.has_reduction || node.kind == NodeKind::reduce;
    out.passes = std::max(out.passes, pass + 1);
  }
  for (int node : kernel.stores())
    out.stores_elements = out.stores_elements || out.per_element[static_cast<std::size_t>(node)];
  out.kept_in.assign(nodes.size(), -1);
  for (int pass = 0; pass < out.passes && !kernel.kept().empty(); ++pass) {
    const auto needed = needed_in(kernel, out, pass);
    for (int node : kernel.kept()) {
      int& kept_in = out.kept_in[static_cast<std::size_t>(node)];
      if (kept_in < 0 && needed[static_cast<std::size_t>(node)]) kept_in = pass;
    }
  }
  return out;
}

bool something_waits(const Kernel& kernel) {
  const auto reduces = [&](int node) { return node >= 0 && kernel[node].kind == NodeKind::reduce; };
  return std::any_of(kernel.nodes().begin(), kernel.nodes().end(), [&](const Node& node) {
    return std::any_of(std::begin(node.operands), std::end(node.operands), reduces);
  });
}

std::vector<bool> needed_in(const Kernel& kernel, const Analysis& facts, int pass) {
  const auto nodes = kernel.nodes();
  std::vector<bool> needed(nodes.size());
  for (int store : kernel.stores()) {
    const auto at = static_cast<std::size_t>(store);
    if (facts.per_element[at] && facts.pass[at] == pass) needed[at] = true;
  }
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const bool gathers = nodes[i].kind == NodeKind::reduce && facts.pass[i] == pass;
    if (!gathers && !(needed[i] && facts.per_element[i])) continue;
    needed[i] = true;
    if (is_recalled(facts, static_cast<int>(i), pass)) continue;
    for (int operand : nodes[i].operands)
      if (operand >= 0 && facts.per_element[static_cast<std::size_t>(operand)])
        needed[static_cast<std::size_t>(operand)] = true;
  }
  return needed;
}

std::string Kernel::to_string() const {
  std::string out;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    std::string right;
    switch (node.kind) {
      case NodeKind::input:
        right = text("input ", access_name(node.access));
        break;
      case NodeKind::constant:
        right = constant_text(node);
        break;
      case NodeKind::function:
        right = name(node.function);
        break;
      case NodeKind::cast:
        right = "cast";
        break;
      case NodeKind::select:
        right = "select";
        break;
      case NodeKind::reduce:
        right = text("reduce ", name(node.function));
        break;
    }
    std::string arguments;
    for (int operand : node.operands)
      if (operand >= 0) arguments += text(arguments.empty() ? "" : ", ", '%', operand);
    if (!arguments.empty()) arguments = '(' + arguments + ')';
    out += text('%', i, ": ", keen::name(node.dtype), " = ", right, arguments, '\n');
  }
  out += "store";
  for (std::size_t i = 0; i < stores_.size(); ++i) out += text(i ? ", %" : " %", stores_[i]);
  for (std::size_t i = 0; i < kept_.size(); ++i) out += text(i ? ", %" : "\nkeep %", kept_[i]);
  return out + '\n';
}

namespace {

/// Marks what the marked nodes need; where `through_reductions` is false, a reduce's own operands are left out.
void mark_needed(std::span<const Node> nodes, std::vector<bool>& needed, bool through_reductions) {
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (!needed[i] || (nodes[i].kind == NodeKind::reduce && !through_reductions)) continue;
    for (int operand : nodes[i].operands)
      if (operand >= 0) needed[static_cast<std::size_t>(operand)] = true;
  }
}

}  // namespace

SplitReduction split_reduction(const Kernel& kernel) {
  SplitReduction out;
  const Analysis facts = analyse(kernel);
  const auto nodes = kernel.nodes();
  if (!facts.has_reduction || facts.passes > 2) return out;
  // Partial: the reductions, the element stores and what leads to them, as it stands. Finish: the same reductions of the
  // partials, and what leads from them to the stores; as nothing there is per element, its other inputs are broadcast.
  std::vector<bool> in_partial(nodes.size()), in_finish(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    in_partial[i] = nodes[i].kind == NodeKind::reduce;
    if (in_partial[i] && facts.pass[i] > 0) return out;
  }
  for (int i = 0; i < static_cast<int>(kernel.stores().size()); ++i) {
    const auto node = static_cast<std::size_t>(kernel.stores()[static_cast<std::size_t>(i)]);
    if (facts.per_element[node] && facts.pass[node] > 0) return out;
    (facts.per_element[node] ? in_partial : in_finish)[node] = true;
    (facts.per_element[node] ? out.partial_stores : out.finish_stores).push_back(i);
  }
  mark_needed(nodes, in_partial, true);
  mark_needed(nodes, in_finish, false);

  std::vector<int> partial(nodes.size(), -1), finish(nodes.size(), -1);
  const auto renumbered = [](Node node, const std::vector<int>& numbers) {
    for (int& operand : node.operands)
      if (operand >= 0) operand = numbers[static_cast<std::size_t>(operand)];
    return node;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i)  // the partials come first among finish's inputs
    if (nodes[i].kind == NodeKind::reduce) finish[i] = out.finish.input(nodes[i].dtype);
  int input = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool reduces = nodes[i].kind == NodeKind::reduce;
    if (in_partial[i]) partial[i] = out.partial.append(renumbered(nodes[i], partial));
    if (nodes[i].kind == NodeKind::input) {
      if (in_partial[i]) out.partial_inputs.push_back(input);
      if (in_finish[i]) out.finish_inputs.push_back(input);
      ++input;
    }
    if (reduces) {
      out.partial.store(partial[i]);
      finish[i] = out.finish.reduce(nodes[i].function, finish[i]);
    } else if (in_finish[i]) {
      finish[i] = out.finish.append(renumbered(nodes[i], finish));
    }
  }
  const auto number = [&](const std::vector<int>& numbers, int store) {
    return numbers[static_cast<std::size_t>(kernel.stores()[static_cast<std::size_t>(store)])];
  };
  for (int store : out.partial_stores) out.partial.store(number(partial, store));
  for (int store : out.finish_stores) out.finish.store(number(finish, store));
  out.possible = !out.finish_stores.empty();
  return out;
}

}  // namespace keen::detail::fusion
