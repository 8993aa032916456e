// Inputs that lie across the rows of a kernel, such as transposed ones: copied block by block, so that it reads them along.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "cpu/layout.h"
#include "fusion/jit_loader.h"
#include "fusion/space.h"

namespace keen::detail::fusion {

/// Neighbours in memory are elements of neighbouring rows: read row by row, each cache line would be fetched many times.
class AcrossRows {
 public:
  AcrossRows() = default;
  /// The inputs whose elements are neighbours along the axis `down`; beside them, where rows are short, those that are the
  /// same for each row. For `row` they are contiguous from now on, which they are once `Block` has copied them.
  AcrossRows(Axis& row, const Axis& down, std::span<const std::int64_t> sizes, std::size_t inputs);
  bool empty() const noexcept { return inputs_.empty(); }
  /// How many rows a block should have, if it has `columns` of them.
  std::int64_t rows(std::int64_t columns) const noexcept;
  /// Does each row of a block start where the one before ends, in all operands?
  bool goes_on(const Axis& row, const Axis& down) const;

  /// The copies of one block after the other.
  class Block;

 private:
  struct Input {
    std::size_t operand;
    std::int64_t size, stride;  // stride: from column to column, in bytes
    bool repeats;
  };
  std::vector<Input> inputs_;
};

class AcrossRows::Block {
 public:
  /// Of at most `rows` times `columns` elements.
  Block(const AcrossRows& across, std::int64_t rows, std::int64_t columns);
  /// Operands that point at the start of a row go to its column number `first`; `row` is the row that AcrossRows has seen.
  void go_to(CodeOperand* operands, std::size_t count, const Axis& row, std::int64_t first) const;
  /// Copies what lies across, and points the operands at the copies.
  void load(CodeOperand* operands, std::int64_t rows, std::int64_t columns);

 private:
  const AcrossRows& across_;
  std::int64_t rows_, columns_;
  std::deque<cpu::Scratch> scratch_;
  std::vector<const void*> repeated_;  // what the copies of inputs that repeat are of
};

/// Of the axes outside a row, the one along which most of the inputs that lie across it are neighbours; -1 if none does.
int axis_across(std::span<const Axis> outer, const Axis& row, std::span<const std::int64_t> sizes, std::size_t inputs);

}  // namespace keen::detail::fusion
