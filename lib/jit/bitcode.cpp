#include "jit/bitcode.h"

#include "fusion/embedded.h"

namespace keen::detail {

std::span<const EmbeddedFile> embedded_bitcode() noexcept;  // in the order of Isa, by scripts/embed.py

namespace fusion {

std::string_view scalar_bitcode(Isa isa) noexcept {
  return embedded_bitcode()[static_cast<std::size_t>(isa)].content();
}

}  // namespace fusion
}  // namespace keen::detail
