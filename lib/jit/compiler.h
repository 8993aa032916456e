// From a fused kernel to object code: generate, link the scalar functions in, inline, clean up, emit.
#pragma once
#include <string>

#include "fusion/kernel.h"
#include "jit/plugin.h"

namespace keen::detail::fusion {

/// A relocatable ELF object that defines code_symbol.
std::string compile(const Kernel& kernel, Isa isa);
/// The IR that goes into code generation.
std::string print_ir(const Kernel& kernel, Isa isa);

}  // namespace keen::detail::fusion
