// Asks the processor for its instruction sets.
#include "cpu/isa.h"

#include <cstdlib>
#include <cstring>

namespace keen::detail::cpu {
namespace {

Isa detect() noexcept {
  __builtin_cpu_init();
  Isa best = Isa::sse2;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) best = Isa::avx2;
  if (best == Isa::avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    best = Isa::avx512;
  const char* wanted = std::getenv("KEEN_ISA");
  if (wanted && std::strcmp(wanted, "sse2") == 0) return Isa::sse2;
  if (wanted && std::strcmp(wanted, "avx2") == 0 && best == Isa::avx512) return Isa::avx2;
  return best;
}

}  // namespace

Isa isa() noexcept {
  static const Isa best = detect();
  return best;
}

}  // namespace keen::detail::cpu
