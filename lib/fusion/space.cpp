#include "fusion/space.h"

#include <algorithm>
#include <cstring>

namespace keen::detail::fusion {

Shape permuted(const Shape& dims, std::span<const int> order) {
  Shape out;
  for (int axis : order) out.push_back(dims[axis]);
  return out;
}

bool varies(const Shape& strides, const std::vector<bool>& reduced, bool in_reduced) {
  for (int axis = 0; axis < strides.rank(); ++axis)
    if (strides[axis] != 0 && reduced[static_cast<std::size_t>(axis)] == in_reduced) return true;
  return false;
}

std::vector<std::int64_t> operand_sizes(const Kernel& kernel) {
  std::vector<std::int64_t> sizes;
  for (int node : kernel.inputs()) sizes.push_back(static_cast<std::int64_t>(size_of(kernel[node].dtype)));
  for (int node : kernel.stores()) sizes.push_back(static_cast<std::int64_t>(size_of(kernel[node].dtype)));
  return sizes;
}

std::vector<Axis> collapse(
    const Shape& space, std::span<const int> chosen, std::span<const Shape> strides,
    std::span<const std::int64_t> sizes) {
  std::vector<Axis> axes;
  for (int axis : chosen) {
    if (space[axis] == 1) continue;
    Axis next{space[axis], {}};
    for (std::size_t i = 0; i < strides.size(); ++i) next.strides.push_back(strides[i][axis] * sizes[i]);
    bool merges = !axes.empty();
    for (std::size_t i = 0; merges && i < strides.size(); ++i)
      merges = axes.back().strides[i] == next.strides[i] * next.size;
    if (merges) {
      axes.back().size *= next.size;
      axes.back().strides = next.strides;
    } else {
      axes.push_back(std::move(next));
    }
  }
  return axes;
}

namespace {

/// Some input that a node depends on, not through a reduction, counted among the kernel's inputs.
int any_input_of(const Kernel& kernel, int node) {
  if (kernel[node].kind == NodeKind::reduce) return -1;
  if (kernel[node].kind == NodeKind::input) return static_cast<int>(kernel.operand_of(node));
  int found = -1;
  for (int operand : kernel[node].operands)
    if (found < 0 && operand >= 0) found = any_input_of(kernel, operand);
  return found;
}

}  // namespace

std::vector<Access> accesses(const Kernel& kernel, const Axis& row) {
  std::vector<Access> result;
  const std::size_t inputs = kernel.inputs().size();
  for (std::size_t i = 0; i < inputs; ++i) {
    const auto size = static_cast<std::int64_t>(size_of(kernel[kernel.inputs()[i]].dtype));
    const auto stride = row.strides[i];
    result.push_back(stride == size ? Access::contiguous : stride == 0 ? Access::broadcast : Access::strided);
  }
  const Analysis facts = analyse(kernel.with_access(result));
  for (std::size_t i = 0; i < kernel.stores().size(); ++i) {
    const int node = kernel.stores()[i];
    const bool is_one_per_row = row.strides[inputs + i] == 0 || kernel[node].kind == NodeKind::reduce;
    if (is_one_per_row || facts.per_element[static_cast<std::size_t>(node)]) continue;
    if (const int input = any_input_of(kernel, node); input >= 0)
      result[static_cast<std::size_t>(input)] = Access::strided;
  }
  return result;
}

namespace {

constexpr std::int64_t short_row = 64, longest_joined = 1024;

}  // namespace

JoinedRows join_rows(
    const Axis& row, const Axis& run, std::span<const Axis> others, std::size_t inputs,
    const std::vector<bool>& fixed) {
  JoinedRows out;
  if (row.size == 0 || row.size >= short_row || run.size <= 1) return out;
  for (std::size_t i = 0; i < row.strides.size(); ++i) {
    if (!fixed.empty() && fixed[i]) continue;
    if (run.strides[i] == row.strides[i] * row.size) continue;
    const bool repeats =
        i < inputs && run.strides[i] == 0 &&
        std::all_of(others.begin(), others.end(), [&](const Axis& axis) { return axis.strides[i] == 0; });
    if (!repeats) return {};
    out.repeated.push_back(i);
  }
  // Rows of one length are better, but not half as long ones.
  const std::int64_t most = std::min(run.size, longest_joined / row.size);
  out.factor = most;
  while (run.size % out.factor != 0 && 2 * out.factor > most) --out.factor;
  if (run.size % out.factor != 0) out.factor = most;
  out.last = (run.size - 1) % out.factor + 1;
  return out;
}

void apply(const JoinedRows& joined, Axis& row, Axis& run, std::span<const std::int64_t> sizes) {
  row.size *= joined.factor;
  run.size = (run.size + joined.factor - 1) / joined.factor;
  for (auto& stride : run.strides) stride *= joined.factor;
  for (std::size_t i : joined.repeated) row.strides[i] = sizes[i];
}

StagedRows::StagedRows(
    const JoinedRows& joined, std::int64_t row_size, std::span<const std::int64_t> strides,
    std::span<const std::int64_t> sizes, std::span<void* const> addresses)
    : addresses_(addresses.begin(), addresses.end()) {
  const std::int64_t short_size = row_size / joined.factor;
  for (std::size_t k = 0; k < joined.repeated.size(); ++k) {
    const std::size_t i = joined.repeated[k];
    char* to = scratch_.emplace_back(static_cast<std::size_t>(row_size * sizes[i])).data();
    const char* from = static_cast<const char*>(addresses[i]);
    for (std::int64_t n = 0; n < short_size; ++n)
      std::memcpy(to + n * sizes[i], from + n * strides[k], static_cast<std::size_t>(sizes[i]));
    for (std::int64_t done = short_size; done < row_size; done *= 2)
      std::memcpy(to + done * sizes[i], to, static_cast<std::size_t>(std::min(done, row_size - done) * sizes[i]));
    addresses_[i] = to;
  }
}

}  // namespace keen::detail::fusion
