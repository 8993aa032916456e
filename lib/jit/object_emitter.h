// From LLVM IR to object code: a target machine and the passes of its code generator, made once for many modules.
#pragma once
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Support/raw_ostream.h>
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
  llvm::SmallVector<char, 0> object_;
  llvm::raw_svector_ostream out_{object_};
  llvm::legacy::PassManager passes_;
};

}  // namespace keen::detail::fusion
