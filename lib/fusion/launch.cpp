#include "fusion/launch.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/layout.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

// What is kept of a row should come back from a cache near the core.
constexpr std::int64_t most_kept_bytes = 256 << 10, scratch_alignment = 64;

/// The axes in their order, those that are reduced behind the others.
std::vector<int> reduced_last(const std::vector<bool>& reduced) {
  std::vector<int> order(reduced.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(), [&](int axis) { return !reduced[static_cast<std::size_t>(axis)]; });
  return order;
}

std::vector<Shape> all_permuted(std::span<const Shape> strides, std::span<const int> order) {
  std::vector<Shape> out;
  for (const Shape& s : strides) out.push_back(permuted(s, order));
  return out;
}

}  // namespace

Launch::Launch(
    const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides)
    : Launch(
          kernel, permuted(space, reduced_last(reduced)),
          static_cast<int>(std::count(reduced.begin(), reduced.end(), true)),
          all_permuted(strides, reduced_last(reduced))) {}

Launch::Launch(const Kernel& kernel, const Shape& space, int reduced, std::span<const Shape> strides)
    : inputs_(kernel.inputs().size()) {
  const auto sizes = operand_sizes(kernel);
  if (strides.size() != sizes.size()) fail<InternalError>("fusion", "a layout for each operand is needed");
  has_reduction_ = analyse(kernel).has_reduction;

  std::vector<int> axes(static_cast<std::size_t>(space.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  const auto all = std::span<const int>(axes);
  outer_ = collapse(space, all.first(axes.size() - static_cast<std::size_t>(reduced)), strides, sizes);
  auto inner = collapse(space, all.last(static_cast<std::size_t>(reduced)), strides, sizes);
  if (has_reduction_) {
    if (inner.size() > 1) runs_.assign(inner.begin(), inner.end() - 1);
    if (!runs_.empty()) inner = {inner.back()};
    if (inner.empty()) inner.push_back({1, std::vector<std::int64_t>(sizes.size(), 0)});
  } else if (!outer_.empty()) {
    inner = {outer_.back()};
    outer_.pop_back();
  } else {
    inner = {{1, sizes}};  // a single element is a contiguous row of one
  }
  row_ = std::move(inner[0]);
  last_row_ = row_.size;
  take_across(sizes);
  if (!has_reduction_ && !outer_.empty() && across_.empty()) join_short_rows(sizes);
  for (const auto& axis : outer_) rows_ *= axis.size;
  rows_in_chunk_ = std::max<std::int64_t>(1, piece / std::max<std::int64_t>(1, row_.size));

  kernel_ = kernel.with_access(accesses(kernel, row_));
  const bool is_long = row_.size >= 4 * piece && across_.empty();
  if (has_reduction_ && (is_long || !runs_.empty())) split_ = split_reduction(kernel_);
  if (!runs_.empty() && !split_.possible)
    fail<UsageError>("fusion", "axes to reduce that lie scattered: make the input contiguous");
  if (split_.possible) {
    code_ = compiled(split_.partial);
    finish_ = compiled(split_.finish);
    for (const auto& axis : runs_) run_count_ *= axis.size;
    pieces_in_run_ = (row_.size + piece - 1) / piece;
  } else {
    if (fits_register()) kernel_.limit_rows(row_.size > 8 ? 16 : row_.size > 4 ? 8 : 4);
    else keep_values();
    code_ = compiled(kernel_);
  }
}

/// Rows so short that a register holds one are read once and reduced in place, where their elements lie side by side.
bool Launch::fits_register() const {
  const auto inputs = kernel_.inputs();
  return has_reduction_ && row_.size <= 16 &&
         std::none_of(inputs.begin(), inputs.end(), [&](int node) { return kernel_[node].access == Access::strided; });
}

void Launch::keep_values() {
  if (!has_reduction_) return;
  Kernel keeping = with_kept_values(kernel_);
  std::vector<std::int64_t> offsets;
  std::int64_t bytes = 0;
  for (int node : keeping.kept()) {
    offsets.push_back(bytes);
    const auto row = (row_.size + row_slack) * static_cast<std::int64_t>(size_of(keeping[node].dtype));
    bytes += (row + scratch_alignment - 1) / scratch_alignment * scratch_alignment;
  }
  if (bytes > most_kept_bytes) return;
  kernel_ = std::move(keeping);
  kept_offsets_ = std::move(offsets);
  kept_bytes_ = bytes;
}

/// A bias added to pixels of few channels would make rows of a few elements: many rows become one, along which the bias
/// repeats.
void Launch::join_short_rows(std::span<const std::int64_t> sizes) {
  joined_ = join_rows(row_, outer_.back(), std::span(outer_).first(outer_.size() - 1), inputs_);
  if (joined_.factor == 1) return;
  for (std::size_t i : joined_.repeated) staged_strides_.push_back(row_.strides[i]);
  sizes_.assign(sizes.begin(), sizes.end());
  last_row_ = joined_.last * row_.size;
  apply(joined_, row_, outer_.back(), sizes);
}

/// Points the operands at row number `row`.
void Launch::place(CodeOperand* operands, std::span<void* const> addresses, std::int64_t row) const {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::int64_t step = outer_.empty() ? 0 : outer_.back().strides[i];
    operands[i] = {addresses[i], step, row_.strides[i]};
  }
  for (std::size_t axis = outer_.size(); axis-- > 0; row /= outer_[axis].size) {
    const std::int64_t index = row % outer_[axis].size;
    for (std::size_t i = 0; i < addresses.size(); ++i)
      operands[i].data = static_cast<char*>(operands[i].data) + index * outer_[axis].strides[i];
  }
}

/// The operands behind those of the call: memory for kept values, one row of each.
void Launch::place_kept(CodeOperand* operands, std::optional<cpu::Scratch>& kept) const {
  if (kept_bytes_ > 0) kept.emplace(static_cast<std::size_t>(kept_bytes_));
  for (std::size_t k = 0; k < kept_offsets_.size(); ++k) operands[k] = {kept->data() + kept_offsets_[k], 0, 0};
}

void Launch::run_rows(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const {
  OperandList operands(addresses.size() + kept_offsets_.size());
  std::optional<cpu::Scratch> kept;
  place_kept(operands.data() + addresses.size(), kept);
  const std::int64_t in_axis = outer_.empty() ? 1 : outer_.back().size;
  for (std::int64_t row = begin; row < end;) {
    const std::int64_t left = in_axis - row % in_axis;
    const bool is_short = left == 1 && last_row_ != row_.size;
    const std::int64_t count = is_short ? 1 : std::min(end - row, left - (last_row_ != row_.size));
    place(operands.data(), addresses, row);
    (*code_)(operands.data(), count, is_short ? last_row_ : row_.size);
    row += count;
  }
}

/// Few long rows without a reduction: each is cut in pieces.
void Launch::run_pieces(std::span<void* const> addresses) const {
  const std::int64_t in_row = (row_.size + piece - 1) / piece;
  parallel_for(rows_ * in_row, 1, [&](std::int64_t begin, std::int64_t end) {
    OperandList operands(addresses.size());
    for (std::int64_t i = begin; i < end; ++i) {
      place(operands.data(), addresses, i / in_row);
      const std::int64_t first = i % in_row * piece;
      for (std::size_t k = 0; k < addresses.size(); ++k)
        operands.data()[k].data = static_cast<char*>(operands.data()[k].data) + first * row_.strides[k];
      (*code_)(operands.data(), 1, std::min(piece, row_.size - first));
    }
  });
}

void Launch::run_joined(std::span<void* const> addresses) const {
  const StagedRows staged(joined_, row_.size, staged_strides_, sizes_, addresses);
  parallel_for(
      rows_, rows_in_chunk_, [&](std::int64_t begin, std::int64_t end) { run_rows(staged.addresses(), begin, end); });
}

void Launch::run(std::span<void* const> addresses) const {
  if (rows_ == 0 || (row_.size == 0 && !has_reduction_)) return;
  if (joined_.factor > 1) return run_joined(addresses);
  if (!across_.empty() && !finish_) return run_across(addresses);
  if (finish_) return run_split(addresses);
  if (!has_reduction_ && row_.size > piece) return run_pieces(addresses);
  parallel_for(rows_, rows_in_chunk_, [&](std::int64_t begin, std::int64_t end) { run_rows(addresses, begin, end); });
}

}  // namespace keen::detail::fusion
