// Elementwise functions of one tensor. Integers become float32 where the result is not an integer.
#pragma once
#include "keen/operand.h"

namespace keen {

// Shapes stay. float32 and float64 keep their dtype; integers and bool give float32, but where it says that integers stay
// as they are. Other dtypes (float16, bfloat16, complex) are a DTypeError, an undefined tensor a UsageError. The figures
// are the largest errors in ULP, float32 and float64, that the tests allow (tests/scalar/accuracy.test.cpp).

Tensor negative(const Tensor& x);    ///< −x; exact; integers stay, the least one wraps; not for bool
Tensor abs(const Tensor& x);         ///< |x|; exact; integers stay, the least one wraps; not for bool
Tensor sign(const Tensor& x);        ///< −1, 0 or 1; 0 of −0; NaN stays; integers stay; not for bool
Tensor square(const Tensor& x);      ///< x²; 0.5 ULP; integers stay, wrapping; not for bool
Tensor sqrt(const Tensor& x);        ///< √x; 0.5 ULP
Tensor rsqrt(const Tensor& x);       ///< 1/√x; 1.5 ULP
Tensor reciprocal(const Tensor& x);  ///< 1/x; 0.5 ULP
Tensor exp(const Tensor& x);         ///< eˣ; 1.05 ULP
Tensor expm1(const Tensor& x);       ///< eˣ − 1, accurate near 0; 1.75 and 2 ULP
Tensor log(const Tensor& x);         ///< natural logarithm; 0.9 ULP
Tensor log1p(const Tensor& x);       ///< log(1 + x), accurate near 0; 1.5 ULP
Tensor sin(const Tensor& x);         ///< of radians; 1.5 ULP
Tensor cos(const Tensor& x);         ///< of radians; 1.5 ULP
Tensor tanh(const Tensor& x);        ///< 1.5 and 2.6 ULP
Tensor sigmoid(const Tensor& x);     ///< 1/(1 + e⁻ˣ); 2.5 ULP
Tensor softplus(const Tensor& x);    ///< log(1 + eˣ); 1.75 ULP
Tensor erf(const Tensor& x);         ///< 1.5 ULP
Tensor relu(const Tensor& x);        ///< max(x, 0); exact; integers stay; not for bool
Tensor floor(const Tensor& x);       ///< towards −∞; exact; integers and bool stay as they are
Tensor ceil(const Tensor& x);        ///< towards +∞; likewise
Tensor round(const Tensor& x);       ///< to nearest, halves to even; likewise
Tensor isnan(const Tensor& x);       ///< bool
Tensor isinf(const Tensor& x);       ///< bool
Tensor isfinite(const Tensor& x);    ///< bool
/// 0.5x(1 + tanh(√(2/π)(x + 0.044715x³))) (Hendrycks and Gimpel 2016), or x·Φ(x) with approximate = false. Made of the
/// operations above.
Tensor gelu(const Tensor& x, bool approximate);
Tensor gelu(const Tensor& x);

// The same for temporaries, whose buffer the result may take over.
Tensor negative(Tensor&& x);
Tensor abs(Tensor&& x);
Tensor square(Tensor&& x);
Tensor sqrt(Tensor&& x);
Tensor exp(Tensor&& x);
Tensor log(Tensor&& x);
Tensor tanh(Tensor&& x);
Tensor sigmoid(Tensor&& x);
Tensor relu(Tensor&& x);

/// min(max(x, low), high), broadcast and promoted as in `maximum`. A bound that no element of an integer dtype can reach,
/// such as 300 above uint8, is no bound.
Tensor clip(const Tensor& x, Operand low, Operand high);
/// TensorFlow's name for clip.
Tensor clip_by_value(const Tensor& x, Operand low, Operand high);
/// Elements of a where condition holds, else of b; all three broadcast, a and b promote. A condition that is not bool is a
/// DTypeError.
Tensor where(const Tensor& condition, Operand a, Operand b);
/// Converts elements, of any dtype to any: floating to integer truncates (out of range takes the nearest bound, NaN gives
/// 0), integers wrap among themselves, anything to bool asks ≠ 0, complex to real drops the imaginary part, all else rounds
/// to nearest.
Tensor cast(const Tensor& x, DType dtype);
/// x itself as a value; the gradient does not flow through it.
Tensor stop_gradient(const Tensor& x);

}  // namespace keen
