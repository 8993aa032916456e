// Emits the value of one node at a time over `width` elements: calls of scalar functions, casts, selects.
#pragma once
#include <llvm/IR/IRBuilder.h>

#include "fusion/kernel.h"
#include "jit/library.h"

namespace keen::detail::fusion {

/// Vectors of `width` elements; bool is a byte of 0 or 1, as in memory.
class ValueEmitter {
 public:
  ValueEmitter(const Kernel& kernel, Isa isa, llvm::Module& module, ScalarLibrary& library, llvm::IRBuilder<>& builder);

  int width() const noexcept { return width_; }
  llvm::Type* element(DType dtype) const;
  llvm::FixedVectorType* vector(DType dtype) const;
  llvm::Value* splat(llvm::Value* element);
  llvm::Value* constant(DType dtype, std::int64_t bits);
  /// Every lane set to the value of lane 0 of `all` joined over its first lanes, a power of two (0: all of them), in a
  /// fixed tree.
  llvm::Value* join_lanes(scalar::Function function, DType dtype, llvm::Value* all, int lanes = 0);
  llvm::Value* apply(scalar::Function function, DType dtype, llvm::Value* a, llvm::Value* b = nullptr);
  llvm::Value* cast(llvm::Value* a, DType from, DType to);
  llvm::Value* select(llvm::Value* condition, llvm::Value* a, llvm::Value* b);
  /// A stack slot, made in the entry block.
  llvm::AllocaInst* slot(llvm::Type* type, std::uint64_t count = 1);

 private:
  llvm::Value* call(const std::string& name, int step, DType to, llvm::Value* a, llvm::Value* b);
  llvm::Value* call_in_memory(const std::string& name, llvm::ArrayRef<llvm::Value*> operands, llvm::Type* result);
  int lanes(DType dtype) const { return register_bytes(isa_) / static_cast<int>(size_of(dtype)); }

  Isa isa_;
  int width_;
  llvm::Module& module_;
  ScalarLibrary& library_;
  llvm::IRBuilder<>& b_;
};

}  // namespace keen::detail::fusion
