// The loop over rows, with the values that a whole row shares; passes over a row are in pass.cpp.
#include "jit/codegen.h"

#include "jit/row_code.h"

namespace keen::detail::fusion {

using llvm::Value;
using Role = RowOperand::Role;

RowCode::RowCode(const Kernel& kernel, Isa isa, llvm::Module& module, ScalarLibrary& library)
    : kernel(kernel),
      facts(analyse(kernel)),
      isa(isa),
      context(module.getContext()),
      b(context),
      emit(kernel, isa, module, library, b),
      values(kernel.nodes().size()) {
  auto* type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty()}, false);
  function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, code_symbol, module);
  n = function->getArg(2);
}

Value* RowCode::compute(const Node& node) {
  const auto operand = [&](int k) { return node.operands[k] < 0 ? nullptr : value(node.operands[k]); };
  switch (node.kind) {
    case NodeKind::function:
      return emit.apply(node.function, kernel[node.operands[0]].dtype, operand(0), operand(1));
    case NodeKind::cast:
      return emit.cast(operand(0), kernel[node.operands[0]].dtype, node.dtype);
    case NodeKind::select:
      return emit.select(operand(0), operand(1), operand(2));
    default:
      return emit.constant(node.dtype, node.bits);
  }
}

Value* RowCode::first_lanes(Value* count) {
  std::vector<std::uint32_t> lanes;
  for (int i = 0; i < emit.width(); ++i) lanes.push_back(static_cast<std::uint32_t>(i));
  Value* limit = b.CreateTrunc(count, b.getInt32Ty());
  return b.CreateICmpULT(llvm::ConstantDataVector::get(context, lanes), emit.splat(limit));
}

namespace {

void load_operands(RowCode& c) {
  auto* type = llvm::StructType::get(c.b.getPtrTy(), c.b.getInt64Ty(), c.b.getInt64Ty());
  const auto add = [&](int node, Role role) {
    const auto at = static_cast<unsigned>(c.operands.size());
    const auto field = [&](llvm::Type* t, unsigned f) -> Value* {
      return c.b.CreateLoad(t, c.b.CreateGEP(type, c.function->getArg(0), {c.b.getInt32(at), c.b.getInt32(f)}));
    };
    const DType dtype = c.kernel[node].dtype;
    c.operands.push_back(
        {.role = role,
         .node = node,
         .per_element = c.per_element(node),
         .strided = role == Role::input && c.kernel[node].access == Access::strided,
         .size = static_cast<std::int64_t>(size_of(dtype)),
         .data = field(c.b.getPtrTy(), 0),
         .row_stride = field(c.b.getInt64Ty(), 1),
         .stride = field(c.b.getInt64Ty(), 2)});
    auto& operand = c.operands.back();
    if (!operand.per_element || role == Role::kept) return;
    const int vectors = operand.strided ? vectors_in_segment : 1;
    operand.scratch = c.emit.slot(c.emit.vector(dtype), static_cast<std::uint64_t>(vectors));
    // What a masked load or the row's own code fills needs no first value; what is copied element by element does.
    const bool is_filled = role == Role::store || (!operand.strided && c.has_masks(operand.size));
    if (!is_filled) c.b.CreateStore(llvm::Constant::getNullValue(c.emit.vector(dtype)), operand.scratch);
  };
  for (int node : c.kernel.inputs()) add(node, Role::input);
  for (int node : c.kernel.stores()) add(node, Role::store);
  for (int node : c.kernel.kept()) add(node, Role::kept);
}

/// Values that a whole row shares and that are first known in this pass: computed once, in every lane.
void emit_row_values(RowCode& c, int pass) {
  for (auto& operand : c.operands)
    if (pass == 0 && operand.role == Role::input && !operand.per_element)
      c.value(operand.node) = c.emit.splat(c.b.CreateLoad(c.emit.element(c.kernel[operand.node].dtype), operand.row));
  for (int i = 0; i < static_cast<int>(c.values.size()); ++i) {
    const Node& node = c.kernel[i];
    const bool computed = node.kind != NodeKind::input && node.kind != NodeKind::reduce;
    if (computed && !c.per_element(i) && c.pass_of(i) == pass) c.value(i) = c.compute(node);
  }
}

void store_row_values(RowCode& c) {
  for (auto& operand : c.operands)
    if (operand.role == Role::store && !operand.per_element)
      c.b.CreateStore(c.b.CreateExtractElement(c.value(operand.node), std::uint64_t{0}), operand.row);
}

}  // namespace

void generate(const Kernel& kernel, Isa isa, llvm::Module& module, ScalarLibrary& library) {
  RowCode c(kernel, isa, module, library);
  auto& b = c.b;
  auto* entry = c.block("entry");
  auto *head = c.block("rows"), *row = c.block("row"), *end = c.block("end");
  b.SetInsertPoint(entry);
  load_operands(c);
  Value* inside = is_short(c) ? c.first_lanes(c.n) : nullptr;
  b.CreateBr(head);
  b.SetInsertPoint(head);
  auto* number = b.CreatePHI(b.getInt64Ty(), 2, "row");
  number->addIncoming(c.i64(0), entry);
  b.CreateCondBr(b.CreateICmpSLT(number, c.function->getArg(1)), row, end);
  b.SetInsertPoint(row);
  for (auto& operand : c.operands) operand.row = c.step(operand.data, b.CreateMul(number, operand.row_stride));
  if (inside) emit_short_row(c, inside);
  for (int pass = 0; pass < c.facts.passes && !inside; ++pass) {
    emit_row_values(c, pass);
    emit_pass(c, pass);
  }
  store_row_values(c);
  number->addIncoming(b.CreateAdd(number, c.i64(1)), b.GetInsertBlock());
  b.CreateBr(head);
  b.SetInsertPoint(end);
  b.CreateRetVoid();
}

}  // namespace keen::detail::fusion
