// The function in the making: what the generator of rows and the generator of passes over a row share.
#pragma once
#include "jit/values.h"

namespace keen::detail::fusion {

/// An input, a store or the memory of a kept value.
struct RowOperand {
  enum class Role : unsigned char { input, store, kept };
  Role role;
  int node;
  bool per_element, strided;
  std::int64_t size;
  llvm::Value *data, *row_stride, *stride;
  llvm::Value* row = nullptr;      // where this row starts
  llvm::Value* scratch = nullptr;  // on the stack, for what is not a whole register in memory
  llvm::Value* segment = nullptr;  // where this segment's elements are
};

struct RowCode {
  RowCode(const Kernel& kernel, Isa isa, llvm::Module& module, ScalarLibrary& library);

  const Kernel& kernel;
  const Analysis facts;
  const Isa isa;
  llvm::LLVMContext& context;
  llvm::IRBuilder<> b;
  ValueEmitter emit;
  llvm::Function* function;
  llvm::Value* n;  // elements of a row
  std::vector<RowOperand> operands;
  std::vector<llvm::Value*> values;  // of the nodes, as far as they are known here

  llvm::Value*& value(int node) { return values[static_cast<std::size_t>(node)]; }
  bool per_element(int node) const { return facts.per_element[static_cast<std::size_t>(node)]; }
  int pass_of(int node) const { return facts.pass[static_cast<std::size_t>(node)]; }
  llvm::BasicBlock* block(const char* name) { return llvm::BasicBlock::Create(context, name, function); }
  llvm::Value* i64(std::int64_t value) { return b.getInt64(static_cast<std::uint64_t>(value)); }
  llvm::Value* step(llvm::Value* pointer, llvm::Value* bytes) { return b.CreateGEP(b.getInt8Ty(), pointer, bytes); }
  /// True in the first `count` lanes.
  llvm::Value* first_lanes(llvm::Value* count);
  /// Can elements of this size be loaded and stored under a mask?
  bool has_masks(std::int64_t size) const { return isa == Isa::avx512 || (isa == Isa::avx2 && size >= 4); }
  /// Emits the value of a function, cast, select or constant from its operands' values.
  llvm::Value* compute(const Node& node);
};

/// Elements of a segment, in registers. Reductions start anew in each segment and segments are joined as they come:
/// blocked sums are more accurate than one long chain.
inline constexpr int vectors_in_segment = 64;

/// Does a register hold a whole row, as the kernel promises?
bool is_short(const RowCode& code);
/// Emits all of a row that a register holds, but for the values it stores once; `inside` marks the row's lanes.
void emit_short_row(RowCode& code, llvm::Value* inside);

/// Emits a pass over the row: its element stores, and into `values` its reductions.
void emit_pass(RowCode& code, int pass);

}  // namespace keen::detail::fusion
