// Elementwise functions of one tensor. Integers become float32 where the result is not an integer.
#pragma once
#include "keen/operand.h"

namespace keen {

Tensor negative(const Tensor& x);    ///< −x
Tensor abs(const Tensor& x);         ///< |x|; the least integer wraps
Tensor sign(const Tensor& x);        ///< −1, 0 or 1; NaN stays
Tensor square(const Tensor& x);      ///< x²
Tensor sqrt(const Tensor& x);        ///< √x, correctly rounded
Tensor rsqrt(const Tensor& x);       ///< 1/√x
Tensor reciprocal(const Tensor& x);  ///< 1/x
Tensor exp(const Tensor& x);         ///< eˣ
Tensor expm1(const Tensor& x);       ///< eˣ − 1, accurate near 0
Tensor log(const Tensor& x);         ///< natural logarithm
Tensor log1p(const Tensor& x);       ///< log(1 + x), accurate near 0
Tensor sin(const Tensor& x);         ///< x in radians
Tensor cos(const Tensor& x);         ///< x in radians
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);   ///< 1/(1 + e⁻ˣ)
Tensor softplus(const Tensor& x);  ///< log(1 + eˣ)
Tensor erf(const Tensor& x);
Tensor relu(const Tensor& x);   ///< max(x, 0)
Tensor floor(const Tensor& x);  ///< integers stay as they are
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);  ///< to even at halves
Tensor isnan(const Tensor& x);  ///< bool
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
/// 0.5x(1 + tanh(√(2/π)(x + 0.044715x³))) (Hendrycks and Gimpel 2016), or x·Φ(x) with approximate = false.
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

/// min(max(x, low), high).
Tensor clip(const Tensor& x, Operand low, Operand high);
/// Tensorflow's name for clip.
Tensor clip_by_value(const Tensor& x, Operand low, Operand high);
/// Elements of a where condition (bool) holds, else of b; all three broadcast.
Tensor where(const Tensor& condition, Operand a, Operand b);
/// Converts elements: floating to integer truncates (out of range and NaN give the integer's least value or 0),
/// anything to bool asks ≠ 0, complex to real drops the imaginary part.
Tensor cast(const Tensor& x, DType dtype);
/// x itself as a value; the gradient does not flow through it.
Tensor stop_gradient(const Tensor& x);

}  // namespace keen
