// The one rule for numbers that a dtype cannot hold.
#pragma once
#include "keen/operand.h"

namespace keen::detail {

/// Can the dtype hold a C++ number as it is? An integer dtype holds whole numbers within its range; floating ones round,
/// and bool asks ≠ 0.
bool holds(const Operand& number, DType dtype) noexcept;
/// Throws the DTypeError of a number that does not fit, naming the operation.
void check_holds(const char* operation, const Operand& number, DType dtype);
/// Does a dtype hold every number of another, but for a floating number's digits?
bool always_holds(DType to, DType from) noexcept;
/// A tensor as another dtype, every element under that rule, and complex ones only without an imaginary part. Elements
/// that are not known yet, in a trace, are refused unless the dtype always holds them.
Tensor convert_exactly(const char* operation, const Tensor& numbers, DType dtype);

/// Is the number above (1) or below (-1) everything that an integer dtype holds? 0 where it is neither.
int beyond(const Operand& number, DType dtype) noexcept;
/// The ends of an integer dtype's range.
Operand greatest(DType dtype) noexcept;
Operand least(DType dtype) noexcept;

}  // namespace keen::detail
