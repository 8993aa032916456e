// The elementwise loops of bool and of 8- and 16-bit integers, compiled once per instruction set.
#include "cpu/loop_table.h"

namespace keen::detail::cpu::KEEN_ISA {

const Loop* narrow_loops(DType dtype) noexcept {
  switch (dtype) {
    case DType::bool_:
      return loop_table<bool>.loops;
    case DType::int8:
      return loop_table<std::int8_t>.loops;
    case DType::int16:
      return loop_table<std::int16_t>.loops;
    case DType::uint8:
      return loop_table<std::uint8_t>.loops;
    case DType::uint16:
      return loop_table<std::uint16_t>.loops;
    default:
      return nullptr;
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
