// The scalar functions as LLVM holds them: their bodies are read when first used, and copied to where a kernel calls them.
#pragma once
#include <llvm/ADT/StringMap.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "jit/plugin.h"

namespace keen::detail::fusion {

class ScalarLibrary {
 public:
  ScalarLibrary(Isa isa, llvm::LLVMContext& context);

  /// Emits what `void name(ptr result, ptr operand...)` stores for these operands, without memory, if its body is
  /// one block that reads each operand and writes the result as a whole; else null.
  llvm::Value* inlined(
      llvm::StringRef name, llvm::ArrayRef<llvm::Value*> operands, llvm::Type* result, llvm::IRBuilder<>& at);
  /// Copies the functions of this library that the module declares into it. Returns whether there are any.
  bool define_called(llvm::Module& module);

 private:
  struct Entry {
    llvm::Function* function = nullptr;  // with its body
    bool is_plain = false;               // can be inlined as values
  };
  const Entry& find(llvm::StringRef name);

  std::unique_ptr<llvm::Module> module_;
  llvm::StringMap<Entry> entries_;
};

}  // namespace keen::detail::fusion
