// Reductions over long rows, or over scattered runs: pieces side by side, and then what they gave.
#include <algorithm>
#include <deque>

#include "core/parallel.h"
#include "cpu/layout.h"
#include "fusion/launch.h"

namespace keen::detail::fusion {

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
  AcrossRows::Block block(across_, block_rows_, block_columns_);
  for (std::int64_t i = begin; i < end;) {
    const std::int64_t run = i % in_row / pieces_in_run_, first = i % pieces_in_run_ * piece;
    // Short runs of one axis take one call.
    const bool several = pieces_in_run_ == 1 && !runs_.empty();
    std::int64_t count = several ? std::min(end - i, runs_.back().size - run % runs_.back().size) : 1;
    if (!across_.empty()) count = std::min(count, block_rows_);
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
    block.load(all.data(), count, row_.size);
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

}  // namespace keen::detail::fusion
