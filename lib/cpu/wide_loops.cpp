// The elementwise loops of 32- and 64-bit integers, compiled once per instruction set.
#include "cpu/loop_table.h"

namespace keen::detail::cpu::KEEN_ISA {

const Loop* wide_loops(DType dtype) noexcept {
  switch (dtype) {
    case DType::int32:
      return loop_table<std::int32_t>.loops;
    case DType::int64:
      return loop_table<std::int64_t>.loops;
    case DType::uint32:
      return loop_table<std::uint32_t>.loops;
    case DType::uint64:
      return loop_table<std::uint64_t>.loops;
    default:
      return nullptr;
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
