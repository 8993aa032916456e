// Kernels with inputs that lie across the rows: a block of rows at a time, for which these are copied.
#include <algorithm>

#include "core/parallel.h"
#include "cpu/layout.h"
#include "fusion/launch.h"

namespace keen::detail::fusion {
namespace {

// What an elementwise kernel reads of a block comes back from the first or the second cache.
constexpr std::int64_t widest_block = 512;
// A block of rows that are reduced holds whole ones, 64 bytes of each column: at most 64 MiB.
constexpr std::int64_t longest_row = 1 << 20;

}  // namespace

/// Finds what lies across, and brings the axis along which it is contiguous next to the row.
void Launch::take_across(std::span<const std::int64_t> sizes) {
  if (row_.size == 0) return;
  if (!runs_.empty()) {
    if (row_.size > piece) return;
    across_ = AcrossRows(row_, runs_.back(), sizes, inputs_);
    block_columns_ = row_.size;
    block_rows_ = across_.rows(row_.size);
    return;
  }
  const int axis = axis_across(outer_, row_, sizes, inputs_);
  if (axis < 0 || (has_reduction_ && row_.size > longest_row)) return;
  std::rotate(outer_.begin() + axis, outer_.begin() + axis + 1, outer_.end());
  const Axis& down = outer_.back();
  across_ = AcrossRows(row_, down, sizes, inputs_);
  block_columns_ = has_reduction_ ? row_.size : std::min(row_.size, widest_block);
  block_rows_ = std::min(across_.rows(block_columns_), down.size);
  is_flat_ = !has_reduction_ && block_columns_ == row_.size && across_.goes_on(row_, down);
}

void Launch::run_blocks(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const {
  OperandList operands(addresses.size() + kept_offsets_.size());
  std::optional<cpu::Scratch> kept;
  place_kept(operands.data() + addresses.size(), kept);
  AcrossRows::Block block(across_, block_rows_, block_columns_);
  const std::int64_t rows = outer_.back().size, down = (rows + block_rows_ - 1) / block_rows_,
                     along = (row_.size + block_columns_ - 1) / block_columns_;
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t first_row = i / along % down * block_rows_, first = i % along * block_columns_;
    const std::int64_t count = std::min(block_rows_, rows - first_row),
                       columns = std::min(block_columns_, row_.size - first);
    place(operands.data(), addresses, i / along / down * rows + first_row);
    block.go_to(operands.data(), addresses.size(), row_, first);
    block.load(operands.data(), count, columns);
    if (is_flat_) (*code_)(operands.data(), 1, count * columns);
    else (*code_)(operands.data(), count, columns);
  }
}

void Launch::run_across(std::span<void* const> addresses) const {
  const std::int64_t rows = outer_.back().size, down = (rows + block_rows_ - 1) / block_rows_,
                     along = (row_.size + block_columns_ - 1) / block_columns_;
  parallel_for(
      rows_ / rows * down * along, cpu::pieces_of(piece, block_rows_ * block_columns_),
      [&](std::int64_t begin, std::int64_t end) { run_blocks(addresses, begin, end); });
}

}  // namespace keen::detail::fusion
