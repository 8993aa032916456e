// The elementwise loops of float64, compiled once per instruction set.
#include "cpu/loop_table.h"

namespace keen::detail::cpu::KEEN_ISA {

const Loop* float64_loops() noexcept { return loop_table<double>.loops; }

}  // namespace keen::detail::cpu::KEEN_ISA
