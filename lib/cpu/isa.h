// The instruction set that the kernels use: the best this processor has, found once.
#pragma once
#include <cstdint>

namespace keen::detail::cpu {

enum class Isa : std::uint8_t { sse2, avx2, avx512 };

/// AVX-512 means F, BW, DQ and VL; AVX2 includes FMA. KEEN_ISA=sse2 or avx2 in the environment lowers it, for tests.
Isa isa() noexcept;

/// Of three builds of the same text, the one for this processor. A file that is compiled per instruction set puts what
/// it offers into the namespace that the macro KEEN_ISA names.
template <class T>
T for_isa(T sse2, T avx2, T avx512) noexcept {
  switch (isa()) {
    case Isa::avx512:
      return avx512;
    case Isa::avx2:
      return avx2;
    default:
      return sse2;
  }
}

}  // namespace keen::detail::cpu
