// Turns a fused kernel into LLVM IR that calls the scalar functions of the bitcode.
#pragma once
#include <llvm/IR/Module.h>

#include "fusion/kernel.h"
#include "jit/library.h"

namespace keen::detail::fusion {

/// Adds the function `code_symbol` to the module. Scalar functions are declared as
/// `void keen_<function>_<dtype>(ptr out, ptr a[, ptr b])` over one register of elements.
void generate(const Kernel& kernel, Isa isa, llvm::Module& module, ScalarLibrary& library);

}  // namespace keen::detail::fusion
