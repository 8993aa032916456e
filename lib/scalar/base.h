// What the scalar functions are written with: sign and bit handling, rounding, Horner's scheme, for any value type V.
#pragma once
#include "scalar/batch.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

template <class V>
KEEN_SCALAR V infinity() {
  return V(Number<Element<V>>::infinity);
}
template <class V>
KEEN_SCALAR V nan() {
  return V(Number<Element<V>>::nan);
}

/// Not equal, NaN to itself included. xsimd's own != is an ordered comparison on AVX and AVX-512: false for NaN.
template <class V>
KEEN_SCALAR auto differs(V a, V b) {
  return !(a == b);
}
template <class V>
KEEN_SCALAR auto is_nan(V x) {
  return !(x == x);
}

/// The sign bit of every element.
template <class V>
KEEN_SCALAR BitsOf<V> sign_mask() {
  using Bits = typename Number<Element<V>>::Bits;
  return BitsOf<V>(static_cast<Bits>(Bits(1) << (sizeof(Bits) * 8 - 1)));
}
/// |x| of a float.
template <class V>
KEEN_SCALAR V magnitude(V x) {
  return scalar::from_bits(scalar::to_bits(x) & ~sign_mask<V>());
}
/// |x| with the sign of y.
template <class V>
KEEN_SCALAR V with_sign(V x, V y) {
  const BitsOf<V> sign = sign_mask<V>();
  return scalar::from_bits((scalar::to_bits(x) & ~sign) | (scalar::to_bits(y) & sign));
}
/// x with its sign changed where y is negative.
template <class V>
KEEN_SCALAR V flip_sign(V x, V y) {
  return scalar::from_bits(scalar::to_bits(x) ^ (scalar::to_bits(y) & sign_mask<V>()));
}

/// The smaller, the larger; where they do not compare (NaN), b.
template <class V>
KEEN_SCALAR V lower(V a, V b) {
  return scalar::select(a < b, a, b);
}
template <class V>
KEEN_SCALAR V upper(V a, V b) {
  return scalar::select(a > b, a, b);
}
/// x in [low, high]; NaN stays.
template <class V>
KEEN_SCALAR V clamp(V x, Element<V> low, Element<V> high) {
  return upper(V(low), lower(V(high), x));
}

/// c₀ + c₁x + c₂x² + …
template <class V>
KEEN_SCALAR V polynomial(V, Element<V> c0) {
  return V(c0);
}
template <class V, class... More>
KEEN_SCALAR V polynomial(V x, Element<V> c0, Element<V> c1, More... more) {
  return scalar::fma(polynomial(x, c1, more...), x, V(c0));
}

/// Adding this to a float of small magnitude leaves its nearest integer, plus `bias`, in the low mantissa bits.
template <class T>
constexpr T rounder(int bias = 0) {
  return T(Bits64(3) << (Number<T>::mantissa_bits - 1)) + T(bias);
}
/// The nearest integer, to even at halves, of |x| < 2^(mantissa bits − 1).
template <class V>
KEEN_SCALAR V round_small(V x) {
  constexpr Element<V> r = rounder<Element<V>>();
  return (x + V(r)) - V(r);
}
/// 2ⁿ from n + rounder(exponent bias); −bias < n ≤ bias.
template <class V>
KEEN_SCALAR V power_of_two_from(V rounded) {
  return scalar::from_bits(scalar::to_bits(rounded) << Number<Element<V>>::mantissa_bits);
}
/// 2ⁿ of an integral n, −bias < n ≤ bias.
template <class V>
KEEN_SCALAR V power_of_two(V n) {
  using N = Number<Element<V>>;
  return power_of_two_from(n + V(rounder<Element<V>>(N::exponent_bias)));
}

/// x to the nearest integer, to even at halves; the sign of zero stays.
template <class V>
KEEN_SCALAR V round(V x) {
  using T = Element<V>;
  const V limit(T(Bits64(1) << Number<T>::mantissa_bits)), a = magnitude(x);
  return scalar::select(a < limit, with_sign((a + limit) - limit, x), x);
}
template <class V>
KEEN_SCALAR V floor(V x) {
  const V r = scalar::round(x);
  return scalar::select(r > x, r - V(1), r);
}
template <class V>
KEEN_SCALAR V ceil(V x) {
  const V r = scalar::round(x);
  return scalar::select(r < x, with_sign(r + V(1), x), r);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
