#include "jit/bitcode.h"

// Defined by the file that embed.py writes.
std::string_view keen_embedded_sse2() noexcept;
std::string_view keen_embedded_avx2() noexcept;
std::string_view keen_embedded_avx512() noexcept;

namespace keen::detail::fusion {

std::string_view scalar_bitcode(Isa isa) noexcept {
  return isa == Isa::avx512 ? keen_embedded_avx512() : isa == Isa::avx2 ? keen_embedded_avx2() : keen_embedded_sse2();
}

}  // namespace keen::detail::fusion
