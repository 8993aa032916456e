// Sums and products, compiled once per instruction set.
#include "cpu/reduce_blocks.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

/// Integers accumulate as unsigned, where overflow wraps; the bits are those of the signed result.
template <class Op>
const ReduceLoops* pick(DType dtype) noexcept {
  using std::uint64_t;
  static constexpr ReduceLoops table[] = {
      loops_of<std::uint8_t, uint64_t, Op>(DType::int64),   loops_of<std::int8_t, uint64_t, Op>(DType::int64),
      loops_of<std::int16_t, uint64_t, Op>(DType::int64),   loops_of<std::int32_t, uint64_t, Op>(DType::int64),
      loops_of<uint64_t, uint64_t, Op>(DType::int64),       loops_of<std::uint8_t, uint64_t, Op>(DType::uint64),
      loops_of<std::uint16_t, uint64_t, Op>(DType::uint64), loops_of<std::uint32_t, uint64_t, Op>(DType::uint64),
      loops_of<uint64_t, uint64_t, Op>(DType::uint64)};
  static constexpr ReduceLoops single = loops_of<float, float, Op>(DType::float32);
  static constexpr ReduceLoops twice = loops_of<double, double, Op>(DType::float64);
  if (dtype <= DType::uint64) return &table[static_cast<int>(dtype)];
  return dtype == DType::float32 ? &single : dtype == DType::float64 ? &twice : nullptr;
}

}  // namespace

const ReduceLoops* sum_loops(DType dtype, bool product) noexcept {
  return product ? pick<Product>(dtype) : pick<Sum>(dtype);
}

}  // namespace keen::detail::cpu::KEEN_ISA
