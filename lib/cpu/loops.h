// Loops over contiguous elements: one for each scalar function and dtype, compiled once per instruction set.
#pragma once
#include <cstdint>

#include "keen/dtype.h"
#include "scalar/function.h"

namespace keen::detail::cpu {

/// out[i] = f(in[0][i], in[1][i], …) for i < n. Where bit k of `repeated` is set, input k is one element for all i.
/// The output may be the memory of an input that is not repeated.
using Loop = void (*)(const void* const* in, unsigned repeated, void* out, std::int64_t n);

/// The loop of this processor's instruction set; null where the function does not take the dtype.
Loop find_loop(scalar::Function function, DType dtype) noexcept;
/// condition ? a : b, elements of `bytes` (1, 2, 4, 8 or 16); inputs bool, a, b.
Loop find_where_loop(std::size_t bytes) noexcept;

// What the files compiled per instruction set offer: loops by function; null for a dtype that is not theirs.
#define KEEN_DECLARE_LOOPS(isa)                   \
  namespace isa {                                 \
  const Loop* float32_loops() noexcept;           \
  const Loop* float64_loops() noexcept;           \
  const Loop* narrow_loops(DType dtype) noexcept; \
  const Loop* wide_loops(DType dtype) noexcept;   \
  Loop where_loop(std::size_t bytes) noexcept;    \
  }
KEEN_DECLARE_LOOPS(sse2)
KEEN_DECLARE_LOOPS(avx2)
KEEN_DECLARE_LOOPS(avx512)
#undef KEEN_DECLARE_LOOPS

}  // namespace keen::detail::cpu
