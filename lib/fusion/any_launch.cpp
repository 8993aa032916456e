#include "fusion/any_launch.h"

#include "core/parallel.h"

namespace keen::detail::fusion {
namespace {

/// Are the elements of a row, which may have several axes, evenly spaced in each operand?
bool has_even_rows(const Kernel& kernel, const Arrangement& over) {
  std::vector<int> axes;
  for (int axis = 0; axis < over.space.rank(); ++axis)
    if (over.reduced[static_cast<std::size_t>(axis)]) axes.push_back(axis);
  return collapse(over.space, axes, over.strides, operand_sizes(kernel)).size() <= 1;
}

/// So few and so long that threads share the sweeps over a row rather than rows.
bool has_few_long_rows(const Arrangement& over) {
  std::int64_t rows = 1, row = 1;
  for (int axis = 0; axis < over.space.rank(); ++axis)
    (over.reduced[static_cast<std::size_t>(axis)] ? row : rows) *= over.space[axis];
  return rows < 8 && row >= 2 * elementwise_grain;
}

bool in_one_walk(const Kernel& kernel, const Arrangement& over) {
  if (!something_waits(kernel)) return true;
  if (over.by_columns) return false;
  return split_reduction(kernel).possible || (has_even_rows(kernel, over) && !has_few_long_rows(over));
}

}  // namespace

AnyLaunch make_launch(const Kernel& kernel, const Arrangement& over) {
  if (!in_one_walk(kernel, over)) return StagedLaunch(kernel, over.space, over.reduced, over.strides);
  if (over.by_columns) return ColumnReduction(kernel, over.space, over.reduced, over.strides);
  return Launch(kernel, over.space, over.reduced, over.strides);
}

}  // namespace keen::detail::fusion
