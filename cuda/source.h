// Writes a fused kernel as CUDA C++, around the same scalar functions that the CPU runs.
#pragma once
#include <cstdint>
#include <string>

#include "fusion/kernel.h"

namespace keen::detail::cuda {

/// What a kernel's source depends on beside its content.
struct Form {
  /// One block a row for a kernel with reductions; else each thread takes elements.
  bool rows = false;
  /// Elementwise over contiguous operands (and numbers), 16 bytes a load: addresses must be multiples of 16.
  bool vectors = false;
  bool wide_index = false;  // sizes or offsets beyond 31 bits
  int outer_rank = 0;       // axes around a row, whose strides come with the launch

  bool operator==(const Form&) const = default;
};
inline constexpr int block_threads = 256;
inline constexpr char kernel_name[] = "keen_kernel";

/// The most direct form for a kernel with the given axes around a row.
Form form_of(const fusion::Kernel& kernel, int outer_rank, bool aligned, bool wide_index);

/// Source that defines `extern "C" __global__ kernel_name(Parameters)`. It includes "scalar/functions.h" and
/// "keen/launch.h" (launch_header below).
std::string source(const fusion::Kernel& kernel, const Form& form);

/// What every generated source includes: operand layout, packs, joins over warps and blocks.
extern const char launch_header[];

}  // namespace keen::detail::cuda
