// A row that one register holds: no loop and no second pass, every node is computed once.
#include <algorithm>

#include "jit/row_code.h"

namespace keen::detail::fusion {

using llvm::Value;
using Role = RowOperand::Role;

bool is_short(const RowCode& code) {
  const int most = code.kernel.most_elements();
  return most > 0 && most <= code.emit.width() && code.kernel.kept().empty() &&
         std::none_of(code.operands.begin(), code.operands.end(), [&](const RowOperand& operand) {
           return operand.strided || (operand.per_element && !code.has_masks(operand.size));
         });
}

namespace {

/// Of the lanes behind a row an element has the value 0, a broadcast one any.
Value* load(RowCode& code, const RowOperand& operand, Value* inside) {
  const DType dtype = code.kernel[operand.node].dtype;
  if (!operand.per_element) return code.emit.splat(code.b.CreateLoad(code.emit.element(dtype), operand.row));
  auto* type = code.emit.vector(dtype);
  const llvm::Align align(static_cast<std::uint64_t>(operand.size));
  return code.b.CreateMaskedLoad(type, operand.row, align, inside, llvm::Constant::getNullValue(type));
}

Value* reduce(RowCode& code, const Node& node, Value* inside) {
  Value* identity = code.emit.constant(node.dtype, identity_bits(node.function, node.dtype));
  Value* elements = code.b.CreateSelect(inside, code.value(node.operands[0]), identity);
  return code.emit.join_lanes(node.function, node.dtype, elements, code.kernel.most_elements());
}

}  // namespace

void emit_short_row(RowCode& code, Value* inside) {
  for (auto& operand : code.operands)
    if (operand.role == Role::input) code.value(operand.node) = load(code, operand, inside);
  for (int i = 0; i < static_cast<int>(code.values.size()); ++i) {
    const Node& node = code.kernel[i];
    if (node.kind == NodeKind::reduce) code.value(i) = reduce(code, node, inside);
    else if (node.kind != NodeKind::input) code.value(i) = code.compute(node);
  }
  for (auto& operand : code.operands)
    if (operand.role == Role::store && operand.per_element)
      code.b.CreateMaskedStore(
          code.value(operand.node), operand.row, llvm::Align(static_cast<std::uint64_t>(operand.size)), inside);
}

}  // namespace keen::detail::fusion
