// Elementwise functions of one tensor. Integers become float32 where the result is not an integer.
#pragma once
#include "keen/operand.h"

namespace keen {

// Shapes stay. float32 and float64 keep their dtype; integers and bool give float32, but where it says that integers stay
// as they are. Other dtypes (float16, bfloat16, complex) are a DTypeError, an undefined tensor a UsageError. The figures
// are the largest errors in ULP, float32 and float64, that the tests allow (tests/scalar/accuracy.test.cpp).

Tensor negative(TensorOperand x);    ///< −x; exact; integers stay, the least one wraps; not for bool
Tensor abs(TensorOperand x);         ///< |x|; exact; integers stay, the least one wraps; not for bool
Tensor sign(TensorOperand x);        ///< −1, 0 or 1; 0 of −0; NaN stays; integers stay; not for bool
Tensor square(TensorOperand x);      ///< x²; 0.5 ULP; integers stay, wrapping; not for bool
Tensor sqrt(TensorOperand x);        ///< √x; 0.5 ULP
Tensor rsqrt(TensorOperand x);       ///< 1/√x; 1.5 ULP
Tensor reciprocal(TensorOperand x);  ///< 1/x; 0.5 ULP
Tensor exp(TensorOperand x);         ///< eˣ; 1.05 ULP
Tensor expm1(TensorOperand x);       ///< eˣ − 1, accurate near 0; 1.75 and 2 ULP
Tensor log(TensorOperand x);         ///< natural logarithm; 0.9 ULP
Tensor log1p(TensorOperand x);       ///< log(1 + x), accurate near 0; 1.5 ULP
Tensor sin(TensorOperand x);         ///< of radians; 1.5 ULP
Tensor cos(TensorOperand x);         ///< of radians; 1.5 ULP
Tensor tanh(TensorOperand x);        ///< 1.5 and 2.6 ULP
Tensor sigmoid(TensorOperand x);     ///< 1/(1 + e⁻ˣ); 2.5 ULP
Tensor softplus(TensorOperand x);    ///< log(1 + eˣ); 1.75 ULP
Tensor erf(TensorOperand x);         ///< 1.5 ULP
Tensor relu(TensorOperand x);        ///< max(x, 0); exact; integers stay; not for bool
Tensor floor(TensorOperand x);       ///< towards −∞; exact; integers and bool stay as they are
Tensor ceil(TensorOperand x);        ///< towards +∞; likewise
Tensor round(TensorOperand x);       ///< to nearest, halves to even; likewise
Tensor isnan(TensorOperand x);       ///< bool
Tensor isinf(TensorOperand x);       ///< bool
Tensor isfinite(TensorOperand x);    ///< bool
/// 0.5x(1 + tanh(√(2/π)(x + 0.044715x³))) (Hendrycks and Gimpel 2016), or x·Φ(x) with approximate = false; within
/// 3 ULP of max(|x|, 1) of its formula. The name alone is the approximation.
Tensor gelu(const Tensor& x, bool approximate, Where where = Where::current());
Tensor gelu(TensorOperand x);

/// min(max(x, low), high), broadcast and promoted as in `maximum`. A bound that no element of an integer dtype can reach,
/// such as 300 above uint8, is no bound.
Tensor clip(const Tensor& x, Operand low, Operand high, Where where = Where::current());
/// TensorFlow's name for clip.
Tensor clip_by_value(const Tensor& x, Operand low, Operand high, Where where = Where::current());
/// Elements of a where condition holds, else of b; all three broadcast, a and b promote. A condition that is not bool is a
/// DTypeError.
Tensor where(const Tensor& condition, Operand a, Operand b, Where line = Where::current());
/// Converts elements, of any dtype to any: floating to integer truncates (out of range takes the nearest bound, NaN gives
/// 0), integers wrap among themselves, anything to bool asks ≠ 0, complex to real drops the imaginary part, all else rounds
/// to nearest.
Tensor cast(const Tensor& x, DType dtype, Where where = Where::current());
/// x itself as a value; the gradient does not flow through it.
Tensor stop_gradient(TensorOperand x);

}  // namespace keen
