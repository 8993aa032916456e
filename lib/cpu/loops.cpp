// Picks the loops of this processor's instruction set, once.
#include "cpu/loops.h"

#include "cpu/isa.h"

namespace keen::detail::cpu {
namespace {

struct LoopSet {
  const Loop* by_dtype[dtype_count] = {};
};

LoopSet choose_loops() noexcept {
  const auto narrow = for_isa(sse2::narrow_loops, avx2::narrow_loops, avx512::narrow_loops);
  const auto wide = for_isa(sse2::wide_loops, avx2::wide_loops, avx512::wide_loops);
  LoopSet set;
  for (int i = 0; i < dtype_count; ++i) {
    const DType dtype = static_cast<DType>(i);
    set.by_dtype[i] = narrow(dtype) ? narrow(dtype) : wide(dtype);
  }
  set.by_dtype[static_cast<int>(DType::float32)] =
      for_isa(sse2::float32_loops, avx2::float32_loops, avx512::float32_loops)();
  set.by_dtype[static_cast<int>(DType::float64)] =
      for_isa(sse2::float64_loops, avx2::float64_loops, avx512::float64_loops)();
  return set;
}

}  // namespace

Loop find_loop(scalar::Function function, DType dtype) noexcept {
  static const LoopSet set = choose_loops();
  const Loop* loops = set.by_dtype[static_cast<int>(dtype)];
  return loops ? loops[static_cast<int>(function)] : nullptr;
}

Loop find_where_loop(std::size_t bytes) noexcept {
  return for_isa(sse2::where_loop, avx2::where_loop, avx512::where_loop)(bytes);
}

}  // namespace keen::detail::cpu
