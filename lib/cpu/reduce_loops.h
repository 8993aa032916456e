// The inner loops of reductions, compiled once per instruction set.
#pragma once
#include <cstdint>

#include "keen/dtype.h"

namespace keen::detail::cpu {

enum class Reduction : std::uint8_t { sum, prod, max, min, any, all };

/// How to reduce one dtype. Results (accumulators) are of `result`: 64-bit integers for sums and products of
/// integers and bool, bool for any and all, else the input's own dtype. Counts and strides are in elements. Sums are
/// cut into blocks by n and rows alone and combined in pairs; the order of additions is the same for every instruction
/// set.
struct ReduceLoops {
  DType result;
  /// out[i] = reduction of x[i * row_stride + 0 … n-1], for each of `rows` rows; n ≥ 1.
  void (*rows)(void* out, const void* x, std::int64_t row_stride, std::int64_t rows, std::int64_t n);
  /// out[j] = reduction of x[0 … rows-1][j] for j < n; rows ≥ 1.
  void (*columns)(void* out, const void* x, std::int64_t row_stride, std::int64_t rows, std::int64_t n);
  /// to[j] = to[j] (op) more[j].
  void (*combine)(void* to, const void* more, std::int64_t n);
};

/// Index and value of the first largest (smallest) element; NaN counts as the largest (smallest).
struct ArgLoops {
  /// Of n ≥ 1 contiguous elements: the value goes to `best`, its index is returned.
  std::int64_t (*row)(void* best, const void* x, std::int64_t n);
  /// Continues the search in columns: `best` and `index` hold the winners so far of rows before `first`.
  void (*columns)(
      void* best, std::int64_t* index, const void* x, std::int64_t row_stride, std::int64_t first, std::int64_t rows,
      std::int64_t n);
};

// Null where a dtype cannot be reduced so.
#define KEEN_DECLARE(isa)                                            \
  namespace isa {                                                    \
  const ReduceLoops* sum_loops(DType dtype, bool product) noexcept;  \
  const ReduceLoops* extremum_loops(DType dtype, bool max) noexcept; \
  const ReduceLoops* logical_loops(DType dtype, bool all) noexcept;  \
  const ArgLoops* arg_loops(DType dtype, bool max) noexcept;         \
  }
KEEN_DECLARE(sse2)
KEEN_DECLARE(avx2)
KEEN_DECLARE(avx512)
#undef KEEN_DECLARE

}  // namespace keen::detail::cpu
