// The order of a kernel's loops, chosen by where its inputs are contiguous.
#pragma once
#include <span>
#include <vector>

#include "fusion/kernel.h"
#include "keen/shape.h"

namespace keen::detail::fusion {

/// An iteration space with its axes in the order in which a kernel should walk them.
struct Arrangement {
  bool by_columns = false;  // for a ColumnReduction; else for a Launch
  Shape space;
  std::vector<bool> reduced;
  std::vector<Shape> strides;  // of each operand, inputs then stores, in elements
};

/// A sum over the rows of a transposed matrix is one over the columns of the matrix: where no element is stored, inputs
/// decide which axis comes last.
Arrangement arrange(
    const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides);

}  // namespace keen::detail::fusion
