// Promotion: the dtype that operands meet in, and C++ numbers beside tensors.
#pragma once
#include "core/dispatch.h"

namespace keen::detail {

/// The dtype of a weak number beside a tensor of dtype t.
inline DType weak_dtype(const Operand& number, DType t) {
  switch (number.kind()) {
    case Operand::Kind::weak_bool:
      return t;
    case Operand::Kind::weak_int:
    case Operand::Kind::weak_size:
      return t == DType::bool_ ? number.native_dtype() : t;
    default:
      return is_floating(t) || is_complex(t) ? t : DType::float32;
  }
}

/// Writes a weak number as one element of `dtype` into 8 bytes. False, with nothing written, where only a cast makes
/// that dtype of it. Throws where the dtype cannot hold it.
bool write_number(const char* operation, const Operand& number, DType dtype, void* element);

/// Makes tensors of weak numbers and casts operands as the description says. DTypeError where no dtype suits.
void promote_inputs(const Op& op, std::span<Operand> inputs);

}  // namespace keen::detail
