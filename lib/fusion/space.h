// The axes of an iteration space, after those that all operands walk as one have been merged.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fusion/kernel.h"
#include "keen/shape.h"

namespace keen::detail::fusion {

struct Axis {
  std::int64_t size = 1;
  std::vector<std::int64_t> strides;  // bytes, one an operand
};

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

}  // namespace keen::detail::fusion
