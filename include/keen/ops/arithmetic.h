// Elementwise arithmetic, comparisons and logic, with broadcasting; and the C++ operators.
#pragma once
#include "keen/operand.h"

namespace keen {

// Shapes broadcast as in NumPy; dtypes promote (`promote`), C++ numbers are weak. Shapes that do not broadcast are a
// ShapeError, dtypes that do not promote a DTypeError. Special values follow the Array API specification.

Tensor add(Operand a, Operand b);       ///< a + b; logical or for bool
Tensor subtract(Operand a, Operand b);  ///< a − b; not for bool
Tensor multiply(Operand a, Operand b);  ///< a · b; logical and for bool
Tensor divide(Operand a, Operand b);    ///< a / b; integers give float32
/// ⌊a / b⌋ towards −∞. Integers stay integers: division by zero gives 0, the least integer by −1 wraps.
Tensor floor_divide(Operand a, Operand b);
/// a − b·⌊a / b⌋, with the sign of b, as Python's %. Integers modulo zero give 0.
Tensor mod(Operand a, Operand b);
/// aᵇ; 0.6 and 1 ULP (float32, float64). Integers by squaring, wrapping; a negative integer exponent gives 0, or ±1 for a = ±1.
Tensor pow(Operand a, Operand b);
Tensor maximum(Operand a, Operand b);  ///< the larger; NaN wins
Tensor minimum(Operand a, Operand b);  ///< the smaller; NaN wins

// Comparisons give bool. A number outside an integer tensor's dtype is less or greater than all its elements, as in NumPy:
// x < 300 holds for every uint8.
Tensor equal(Operand a, Operand b);
Tensor not_equal(Operand a, Operand b);
Tensor less(Operand a, Operand b);
Tensor less_equal(Operand a, Operand b);
Tensor greater(Operand a, Operand b);
Tensor greater_equal(Operand a, Operand b);

// Logic on bool tensors; other dtypes are a DTypeError.
Tensor logical_and(Operand a, Operand b);
Tensor logical_or(Operand a, Operand b);
Tensor logical_xor(Operand a, Operand b);
Tensor logical_not(TensorOperand x);

inline Tensor operator+(Operand a, Operand b) { return add(std::move(a), std::move(b)); }
inline Tensor operator-(Operand a, Operand b) { return subtract(std::move(a), std::move(b)); }
inline Tensor operator*(Operand a, Operand b) { return multiply(std::move(a), std::move(b)); }
inline Tensor operator/(Operand a, Operand b) { return divide(std::move(a), std::move(b)); }
inline Tensor operator%(Operand a, Operand b) { return mod(std::move(a), std::move(b)); }
inline Tensor operator==(Operand a, Operand b) { return equal(std::move(a), std::move(b)); }
inline Tensor operator!=(Operand a, Operand b) { return not_equal(std::move(a), std::move(b)); }
inline Tensor operator<(Operand a, Operand b) { return less(std::move(a), std::move(b)); }
inline Tensor operator<=(Operand a, Operand b) { return less_equal(std::move(a), std::move(b)); }
inline Tensor operator>(Operand a, Operand b) { return greater(std::move(a), std::move(b)); }
inline Tensor operator>=(Operand a, Operand b) { return greater_equal(std::move(a), std::move(b)); }
inline Tensor operator&(Operand a, Operand b) { return logical_and(std::move(a), std::move(b)); }
inline Tensor operator|(Operand a, Operand b) { return logical_or(std::move(a), std::move(b)); }
inline Tensor operator!(const Tensor& x) {
  return logical_not({x, Where()});
}  // bool(x) would be as good a match for less
Tensor operator-(TensorOperand x);

/// `a += b` rebinds the name a to a + b; other holders of the old tensor keep it.
inline Tensor& operator+=(Tensor& a, Operand b) { return a = add(std::move(a), std::move(b)); }
inline Tensor& operator-=(Tensor& a, Operand b) { return a = subtract(std::move(a), std::move(b)); }
inline Tensor& operator*=(Tensor& a, Operand b) { return a = multiply(std::move(a), std::move(b)); }
inline Tensor& operator/=(Tensor& a, Operand b) { return a = divide(std::move(a), std::move(b)); }

/// |a − b| ≤ atol + rtol·|b| everywhere, computed in float64; NaN equals nothing unless equal_nan. Shapes that do not
/// broadcast are a ShapeError.
bool allclose(
    const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false,
    Where where = Where::current());
/// Same shape and equal elements; dtypes may differ if they promote.
bool array_equal(const Tensor& a, const Tensor& b, Where where = Where::current());

}  // namespace keen
