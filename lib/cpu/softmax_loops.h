// The loops of softmax and its relatives, compiled once per instruction set.
#pragma once
#include <cstdint>

namespace keen::detail::cpu {

/// Each pass reads a row once from L1: its maximum m; the exponentials of x - m and their sum; the result.
struct SoftmaxLoops {
  /// Contiguous rows of n.
  void (*softmax)(void* y, const void* x, std::int64_t rows, std::int64_t n);
  void (*log_softmax)(void* y, const void* x, std::int64_t rows, std::int64_t n);
  /// Down `tile` neighbouring columns of n elements, `stride` apart.
  void (*softmax_columns)(void* y, const void* x, std::int64_t stride, std::int64_t n);
  void (*log_softmax_columns)(void* y, const void* x, std::int64_t stride, std::int64_t n);
  std::int64_t tile;
  /// loss[i] = log Σ exp(x[i]) - x[i][label[i]].
  void (*cross_entropy)(void* loss, const void* x, const std::int64_t* labels, std::int64_t rows, std::int64_t n);
  /// dx[i] = (softmax(x[i]) - onehot(label[i])) dy[i].
  void (*cross_entropy_gradient)(
      void* dx, const void* x, const std::int64_t* labels, const void* dy, std::int64_t rows, std::int64_t n);
};

// float32 and float64.
namespace sse2 {
extern const SoftmaxLoops softmax_loops[2];
}
namespace avx2 {
extern const SoftmaxLoops softmax_loops[2];
}
namespace avx512 {
extern const SoftmaxLoops softmax_loops[2];
}

}  // namespace keen::detail::cpu
