// From LLVM IR to object code, by one target machine for many modules.
#pragma once
#include <llvm/Target/TargetMachine.h>

#include "jit/plugin.h"

namespace keen::detail::fusion {

/// The processor that an instruction set's code is generated for, as LLVM names it.
const char* processor(Isa isa);

class ObjectEmitter {
 public:
  explicit ObjectEmitter(Isa isa);

  llvm::TargetMachine& machine() const { return *machine_; }
  /// An ELF object; the module is used up.
  std::string emit(llvm::Module& module);

 private:
  std::unique_ptr<llvm::LLVMTargetMachine> machine_;
};

}  // namespace keen::detail::fusion
