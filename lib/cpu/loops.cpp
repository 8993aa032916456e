// Picks the loops of this processor's instruction set, once for each dtype.
#include "cpu/loops.h"

#include <atomic>

#include "cpu/isa.h"

namespace keen::detail::cpu {
namespace {

// Of each dtype; null until it is first asked for, and for a dtype without loops. Whoever comes first writes the same.
constinit std::atomic<const Loop*> chosen[dtype_count] = {};

[[gnu::noinline]] const Loop* choose(DType dtype) noexcept {
  const Loop* loops;
  if (dtype == DType::float32) {
    loops = for_isa(sse2::float32_loops, avx2::float32_loops, avx512::float32_loops)();
  } else if (dtype == DType::float64) {
    loops = for_isa(sse2::float64_loops, avx2::float64_loops, avx512::float64_loops)();
  } else {
    loops = for_isa(sse2::narrow_loops, avx2::narrow_loops, avx512::narrow_loops)(dtype);
    if (!loops) loops = for_isa(sse2::wide_loops, avx2::wide_loops, avx512::wide_loops)(dtype);
  }
  chosen[static_cast<int>(dtype)].store(loops, std::memory_order_relaxed);
  return loops;
}

}  // namespace

Loop find_loop(scalar::Function function, DType dtype) noexcept {
  const Loop* loops = chosen[static_cast<int>(dtype)].load(std::memory_order_relaxed);
  if (!loops) [[unlikely]]
    loops = choose(dtype);
  return loops ? loops[static_cast<int>(function)] : nullptr;
}

Loop find_where_loop(std::size_t bytes) noexcept {
  return for_isa(sse2::where_loop, avx2::where_loop, avx512::where_loop)(bytes);
}

}  // namespace keen::detail::cpu
