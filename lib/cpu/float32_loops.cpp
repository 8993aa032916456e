// The elementwise loops of float32, compiled once per instruction set.
#include "cpu/loop_table.h"

namespace keen::detail::cpu::KEEN_ISA {

const Loop* float32_loops() noexcept { return loop_table<float>.loops; }

}  // namespace keen::detail::cpu::KEEN_ISA
