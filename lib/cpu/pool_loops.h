// Loops over the windows of images, compiled once per instruction set.
#pragma once
#include <cstdint>

#include "cpu/isa.h"
#include "keen/dtype.h"

namespace keen::detail::cpu {

/// The shapes of a pooling: images (h, w, c), windows (kh, kw) every (sy, sx), results (oh, ow, c).
struct Pooling {
  std::int64_t h, w, c, oh, ow, kh, kw, sy, sx, top, left;
};

/// Loops for one dtype. Forward loops take rows [begin, end) of all images' results, backward loops whole images.
struct PoolLoops {
  void (*max)(const Pooling&, void* y, const void* x, std::int64_t begin, std::int64_t end);
  void (*average)(const Pooling&, void* y, const void* x, std::int64_t begin, std::int64_t end);
  /// y = v where x has the window's first maximum.
  void (*pick)(const Pooling&, void* y, const void* x, const void* v, std::int64_t begin, std::int64_t end);
  void (*max_gradient)(const Pooling&, void* dx, const void* x, const void* dy, std::int64_t begin, std::int64_t end);
  void (*average_gradient)(const Pooling&, void* dx, const void* dy, std::int64_t begin, std::int64_t end);
};

// float32 and float64.
namespace sse2 {
const PoolLoops& pool_loops(DType dtype) noexcept;
}
namespace avx2 {
const PoolLoops& pool_loops(DType dtype) noexcept;
}
namespace avx512 {
const PoolLoops& pool_loops(DType dtype) noexcept;
}

inline const PoolLoops& pool_loops(DType dtype) noexcept {
  return for_isa(sse2::pool_loops, avx2::pool_loops, avx512::pool_loops)(dtype);
}

}  // namespace keen::detail::cpu
