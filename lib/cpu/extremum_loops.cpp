// Largest and smallest elements, compiled once per instruction set. NaN wins.
#include "cpu/reduce_blocks.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

template <class Op>
const ReduceLoops* pick(DType dtype) noexcept {
  static constexpr ReduceLoops table[] = {loops_of<std::uint8_t, std::uint8_t, Op>(DType::bool_),
                                          loops_of<std::int8_t, std::int8_t, Op>(DType::int8),
                                          loops_of<std::int16_t, std::int16_t, Op>(DType::int16),
                                          loops_of<std::int32_t, std::int32_t, Op>(DType::int32),
                                          loops_of<std::int64_t, std::int64_t, Op>(DType::int64),
                                          loops_of<std::uint8_t, std::uint8_t, Op>(DType::uint8),
                                          loops_of<std::uint16_t, std::uint16_t, Op>(DType::uint16),
                                          loops_of<std::uint32_t, std::uint32_t, Op>(DType::uint32),
                                          loops_of<std::uint64_t, std::uint64_t, Op>(DType::uint64)};
  static constexpr ReduceLoops single = loops_of<float, float, Op>(DType::float32);
  static constexpr ReduceLoops twice = loops_of<double, double, Op>(DType::float64);
  if (dtype <= DType::uint64) return &table[static_cast<int>(dtype)];
  return dtype == DType::float32 ? &single : dtype == DType::float64 ? &twice : nullptr;
}

}  // namespace

const ReduceLoops* extremum_loops(DType dtype, bool max) noexcept { return max ? pick<Max>(dtype) : pick<Min>(dtype); }

}  // namespace keen::detail::cpu::KEEN_ISA
