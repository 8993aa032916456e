#include "fusion/launch.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <optional>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/layout.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

// Elements a piece of a long row has. Pieces are cut by size alone, so sums do not depend on the number of threads.
constexpr std::int64_t piece = elementwise_grain;
constexpr std::int64_t shortest_split = 4 * piece;
// What is kept of a row should come back from a cache near the core.
constexpr std::int64_t most_kept_bytes = 256 << 10, scratch_alignment = 64;

/// The axes in their order, those that are reduced behind the others.
std::vector<int> reduced_last(const std::vector<bool>& reduced) {
  std::vector<int> order(reduced.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(), [&](int axis) { return !reduced[static_cast<std::size_t>(axis)]; });
  return order;
}

Shape permuted(const Shape& dims, std::span<const int> order) {
  Shape out;
  for (int axis : order) out.push_back(dims[axis]);
  return out;
}

std::vector<Shape> permuted(std::span<const Shape> strides, std::span<const int> order) {
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
          permuted(strides, reduced_last(reduced))) {}

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
  if (!has_reduction_ && !outer_.empty()) join_short_rows(sizes);
  for (const auto& axis : outer_) rows_ *= axis.size;
  rows_in_chunk_ = std::max<std::int64_t>(1, piece / std::max<std::int64_t>(1, row_.size));

  kernel_ = kernel.with_access(accesses(kernel, row_));
  if (has_reduction_ && (row_.size >= shortest_split || !runs_.empty())) split_ = split_reduction(kernel_);
  if (!runs_.empty() && !split_.possible)
    fail<UsageError>("fusion", "axes to reduce that lie scattered: make the input contiguous");
  if (split_.possible) {
    code_ = compiled(split_.partial);
    finish_ = compiled(split_.finish);
    for (const auto& axis : runs_) run_count_ *= axis.size;
    pieces_in_run_ = (row_.size + piece - 1) / piece;
  } else {
    keep_values();
    code_ = compiled(kernel_);
  }
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

void Launch::run_rows(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const {
  OperandList operands(addresses.size() + kept_offsets_.size());
  std::optional<cpu::Scratch> kept;
  if (kept_bytes_ > 0) kept.emplace(static_cast<std::size_t>(kept_bytes_));
  for (std::size_t k = 0; k < kept_offsets_.size(); ++k)
    operands.data()[addresses.size() + k] = {kept->data() + kept_offsets_[k], 0, 0};
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

/// What the pieces give: those of one row side by side, those of one reduction in one block.
struct Launch::Partials {
  Partials(const SplitReduction& split, std::int64_t count) {
    for (std::size_t r = 0; r < split.partial.stores().size() - split.partial_stores.size(); ++r) {
      sizes.push_back(static_cast<std::int64_t>(size_of(split.partial[split.partial.stores()[r]].dtype)));
      blocks.emplace_back(static_cast<std::size_t>(count * sizes.back()));
    }
  }
  CodeOperand from(std::size_t r, std::int64_t index) const {
    return {blocks[r].data() + index * sizes[r], sizes[r], sizes[r]};
  }
  std::vector<std::int64_t> sizes;
  std::deque<cpu::Scratch> blocks;
};

void Launch::run_partial(
    std::span<void* const> addresses, const Partials& partials, std::int64_t begin, std::int64_t end) const {
  OperandList all(addresses.size()), operands(addresses.size() + partials.sizes.size());
  const std::int64_t in_row = run_count_ * pieces_in_run_;
  for (std::int64_t i = begin; i < end;) {
    const std::int64_t run = i % in_row / pieces_in_run_, first = i % pieces_in_run_ * piece;
    // Short runs of one axis take one call.
    const bool several = pieces_in_run_ == 1 && !runs_.empty();
    const std::int64_t count = several ? std::min(end - i, runs_.back().size - run % runs_.back().size) : 1;
    place(all.data(), addresses, i / in_row);
    for (std::size_t k = 0; k < addresses.size(); ++k) {
      std::int64_t bytes = first * row_.strides[k];
      for (std::size_t axis = runs_.size(), rest = static_cast<std::size_t>(run); axis-- > 0;) {
        const auto size = static_cast<std::size_t>(runs_[axis].size);
        bytes += static_cast<std::int64_t>(rest % size) * runs_[axis].strides[k];
        rest /= size;
      }
      all.data()[k].data = static_cast<char*>(all.data()[k].data) + bytes;
      all.data()[k].row_stride = several ? runs_.back().strides[k] : 0;
    }
    auto* next = operands.data();
    for (int input : split_.partial_inputs) *next++ = all.data()[input];
    for (std::size_t r = 0; r < partials.sizes.size(); ++r) *next++ = partials.from(r, i);
    for (int store : split_.partial_stores) *next++ = all.data()[inputs_ + static_cast<std::size_t>(store)];
    (*code_)(operands.data(), count, std::min(piece, row_.size - first));
    i += count;
  }
}

void Launch::run_finish(
    std::span<void* const> addresses, const Partials& partials, std::int64_t begin, std::int64_t end) const {
  OperandList all(addresses.size()), operands(addresses.size() + partials.sizes.size());
  const std::int64_t in_row = run_count_ * pieces_in_run_;
  for (std::int64_t row = begin; row < end; ++row) {
    place(all.data(), addresses, row);
    auto* next = operands.data();
    for (std::size_t r = 0; r < partials.sizes.size(); ++r) *next++ = partials.from(r, row * in_row);
    for (int input : split_.finish_inputs) *next++ = all.data()[input];
    for (int store : split_.finish_stores) *next++ = all.data()[inputs_ + static_cast<std::size_t>(store)];
    (*finish_)(operands.data(), 1, in_row);
  }
}

void Launch::run_split(std::span<void* const> addresses) const {
  const std::int64_t in_row = run_count_ * pieces_in_run_;
  const Partials partials(split_, rows_ * in_row);
  const auto grain = [](std::int64_t work) {
    return std::max<std::int64_t>(1, piece / std::max<std::int64_t>(1, work));
  };
  parallel_for(rows_ * in_row, grain(row_.size), [&](std::int64_t begin, std::int64_t end) {
    run_partial(addresses, partials, begin, end);
  });
  parallel_for(
      rows_, grain(in_row), [&](std::int64_t begin, std::int64_t end) { run_finish(addresses, partials, begin, end); });
}

void Launch::run_joined(std::span<void* const> addresses) const {
  const StagedRows staged(joined_, row_.size, staged_strides_, sizes_, addresses);
  parallel_for(
      rows_, rows_in_chunk_, [&](std::int64_t begin, std::int64_t end) { run_rows(staged.addresses(), begin, end); });
}

void Launch::run(std::span<void* const> addresses) const {
  if (rows_ == 0 || (row_.size == 0 && !has_reduction_)) return;
  if (joined_.factor > 1) return run_joined(addresses);
  if (finish_) return run_split(addresses);
  if (!has_reduction_ && row_.size > piece) return run_pieces(addresses);
  parallel_for(rows_, rows_in_chunk_, [&](std::int64_t begin, std::int64_t end) { run_rows(addresses, begin, end); });
}

}  // namespace keen::detail::fusion
