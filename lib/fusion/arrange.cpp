#include "fusion/arrange.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "fusion/space.h"

namespace keen::detail::fusion {
namespace {

bool is_reduced(const std::vector<bool>& reduced, int axis) { return reduced[static_cast<std::size_t>(axis)]; }

/// Are the results of reductions all that is stored, and does nothing wait for them?
bool only_reduces(const Kernel& kernel) {
  const auto reduces = [&](int node) { return kernel[node].kind == NodeKind::reduce; };
  return std::all_of(kernel.stores().begin(), kernel.stores().end(), reduces) && !something_waits(kernel);
}

/// The axis along which an operand's elements are closest, if it is one along which they differ; else -1.
int fast_axis(const Shape& strides) {
  int fast = -1;
  for (int axis = 0; axis < strides.rank(); ++axis)
    if (strides[axis] != 0 && (fast < 0 || std::abs(strides[axis]) <= std::abs(strides[fast]))) fast = axis;
  return fast;
}

/// How many more inputs are contiguous along the last axis that is kept than along another.
int votes_for_columns(std::span<const Shape> inputs, const std::vector<bool>& reduced) {
  int last_kept = static_cast<int>(reduced.size()) - 1, votes = 0;
  while (last_kept >= 0 && is_reduced(reduced, last_kept)) --last_kept;
  for (const Shape& strides : inputs) {
    if (!varies(strides, reduced, true) || !varies(strides, reduced, false)) continue;
    votes += fast_axis(strides) == last_kept ? 1 : -1;
  }
  return votes;
}

}  // namespace

Arrangement arrange(
    const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides) {
  const bool reduces = std::find(reduced.begin(), reduced.end(), true) != reduced.end();
  const bool all = std::find(reduced.begin(), reduced.end(), false) == reduced.end();
  Arrangement out{reduces && !reduced.back(), space, reduced, {strides.begin(), strides.end()}};
  if (!reduces || analyse(kernel).stores_elements) return out;
  const auto inputs = strides.first(kernel.inputs().size());
  const int votes = all || !only_reduces(kernel) ? 0 : votes_for_columns(inputs, reduced);
  if (votes != 0) out.by_columns = votes > 0;

  // What is reduced may be walked in any order; it comes first or last.
  std::vector<int> order(reduced.size());
  std::iota(order.begin(), order.end(), 0);
  if (out.by_columns == reduced.back())
    std::stable_partition(
        order.begin(), order.end(), [&](int axis) { return is_reduced(reduced, axis) == out.by_columns; });
  std::vector<std::int64_t> distance(reduced.size());
  for (std::size_t axis = 0; axis < reduced.size(); ++axis)
    for (const Shape& s : inputs) distance[axis] += std::abs(s[static_cast<int>(axis)]);
  std::vector<int> walked;
  for (int axis : order)
    if (is_reduced(reduced, axis)) walked.push_back(axis);
  std::stable_sort(walked.begin(), walked.end(), [&](int a, int b) {
    return distance[static_cast<std::size_t>(a)] > distance[static_cast<std::size_t>(b)];
  });
  auto next = walked.begin();
  for (int& axis : order)
    if (is_reduced(reduced, axis)) axis = *next++;

  out.space = permuted(space, order);
  for (std::size_t i = 0; i < order.size(); ++i) out.reduced[i] = is_reduced(reduced, order[i]);
  for (Shape& s : out.strides) s = permuted(s, order);
  return out;
}

}  // namespace keen::detail::fusion
