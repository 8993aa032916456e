// The axes of an iteration space, after those that all operands walk as one have been merged.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "cpu/layout.h"
#include "fusion/kernel.h"
#include "keen/shape.h"

namespace keen::detail::fusion {

struct Axis {
  std::int64_t size = 1;
  std::vector<std::int64_t> strides;  // bytes, one an operand
};

/// The axes of a list in another order.
Shape permuted(const Shape& dims, std::span<const int> order);
/// Does an operand with these strides differ along an axis that is reduced, or along one that is not?
bool varies(const Shape& strides, const std::vector<bool>& reduced, bool in_reduced);
/// Bytes of an element of each operand, inputs then stores.
std::vector<std::int64_t> operand_sizes(const Kernel& kernel);
/// The chosen axes of the space, outermost first, without those of size 1, neighbours merged where every operand walks
/// them as one. `strides` in elements, one entry an operand.
std::vector<Axis> collapse(
    const Shape& space, std::span<const int> chosen, std::span<const Shape> strides,
    std::span<const std::int64_t> sizes);
/// The accesses of a kernel's inputs along a row. A store that walks along the row gets an input that does, so that its
/// value is one per element.
std::vector<Access> accesses(const Kernel& kernel, const Axis& row);

/// How many short rows of a run can be walked as one long row, because operands either go on from one to the next or repeat.
struct JoinedRows {
  std::int64_t factor = 1;
  std::int64_t last = 1;              // how many of them are left for the last long row of a run
  std::vector<std::size_t> repeated;  // operands that must be staged: the same row, `factor` times
};
/// `fixed` operands (results of column reductions) take no part. `others` are the axes outside the run.
JoinedRows join_rows(
    const Axis& row, const Axis& run, std::span<const Axis> others, std::size_t inputs,
    const std::vector<bool>& fixed = {});
/// Makes one axis of the joined rows and shortens the run; staged operands become contiguous.
void apply(const JoinedRows& joined, Axis& row, Axis& run, std::span<const std::int64_t> sizes);

/// The staged copies of repeated operands, for one launch.
class StagedRows {
 public:
  /// `row` is the joined row, `strides` of the operands along the original one.
  StagedRows(
      const JoinedRows& joined, std::int64_t row_size, std::span<const std::int64_t> strides,
      std::span<const std::int64_t> sizes, std::span<void* const> addresses);
  std::span<void* const> addresses() const noexcept { return addresses_; }

 private:
  std::vector<void*> addresses_;
  std::deque<cpu::Scratch> scratch_;
};

}  // namespace keen::detail::fusion
