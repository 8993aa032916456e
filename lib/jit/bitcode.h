// The bitcode of lib/scalar, embedded at build time: one module an instruction set.
#pragma once
#include <string_view>

#include "jit/plugin.h"

namespace keen::detail::fusion {

std::string_view scalar_bitcode(Isa isa) noexcept;

}  // namespace keen::detail::fusion
