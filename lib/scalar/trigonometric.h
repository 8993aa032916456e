// Sine and cosine of any argument, in radians.
#pragma once
#include "scalar/base.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

template <class T>
struct SineConstants;
template <>
struct SineConstants<float> {
  static constexpr float two_over_pi = 0x1.45f306p-1f;
  // π/2 in four parts; the first three times n are exact for |n| ≤ 2¹².
  static constexpr float part1 = 0x1.922p+0f, part2 = -0x1.28p-18f, part3 = -0x1.778p-25f, part4 = 0x1.68c234p-39f;
  static constexpr float limit = 6400.0f;
  /// (sin(r)/r − 1)/u with u = r², |r| ≤ π/4; error 2^-28 of sin.
  template <class V>
  KEEN_SCALAR static V sine_tail(V u) {
    return polynomial(u, -0x1.555546p-3f, 0x1.110774p-7f, -0x1.9951eap-13f);
  }
  /// (cos(r) − 1 + u/2)/u²; error 2^-33 of cos.
  template <class V>
  KEEN_SCALAR static V cosine_tail(V u) {
    return polynomial(u, 0x1.55554ap-5f, -0x1.6c0c28p-10f, 0x1.99e80cp-16f);
  }
};
template <>
struct SineConstants<double> {
  static constexpr double two_over_pi = 0x1.45f306dc9c883p-1;
  static constexpr double part1 = 0x1.921fb544p+0, part2 = 0x1.0b4611a6p-34, part3 = 0x1.3198a2ep-69,
                          part4 = 0x1.b839a252049c1p-104;  // exact for |n| ≤ 2²⁰
  static constexpr double limit = 1.6e6;
  /// Error 2^-58 of sin.
  template <class V>
  KEEN_SCALAR static V sine_tail(V u) {
    return polynomial(
        u, -0x1.5555555555548p-3, 0x1.111111110f730p-7, -0x1.a01a019be9208p-13, 0x1.71de355529a6cp-19,
        -0x1.ae5e4b81f4bc6p-26, 0x1.5d8b54da35dc9p-33);
  }
  /// Error 2^-64 of cos.
  template <class V>
  KEEN_SCALAR static V cosine_tail(V u) {
    return polynomial(
        u, 0x1.555555555554bp-5, -0x1.6c16c16c15005p-10, 0x1.a01a019c8c7d9p-16, -0x1.27e4f7ef0d96dp-22,
        0x1.1ee9d9c6bac02p-29, -0x1.8fa553a45f2d7p-37);
  }
};

/// sin(x + quarters·π/2) for |x| up to the limit.
template <class V>
KEEN_SCALAR V sine_within(V x, int quarters) {
  using T = Element<V>;
  using C = SineConstants<T>;
  using N = Number<T>;
  const V rounded = scalar::fma(x, V(C::two_over_pi), V(rounder<T>()));
  const V n = rounded - V(rounder<T>());
  // x − n·π/2 after Cody and Waite, with the rounding error of the larger steps carried along.
  const V t1 = scalar::fma(n, V(-C::part1), x);
  const V t2 = scalar::fma(n, V(-C::part2), t1);
  const V t3 = scalar::fma(n, V(-C::part3), t2);
  const V rest = scalar::fma(n, V(-C::part2), t1 - t2) + scalar::fma(n, V(-C::part3), t2 - t3);
  const V r = t3 + scalar::fma(n, V(-C::part4), rest), u = r * r;

  const V sine = scalar::fma(u * r, C::sine_tail(u), r);
  const V half = u * V(T(0.5)), w = V(1) - half;
  const V cosine = w + scalar::fma(u * u, C::cosine_tail(u), (V(1) - w) - half);
  const BitsOf<V> quadrant = scalar::to_bits(rounded) + BitsOf<V>(static_cast<typename N::Bits>(quarters));
  const V is_odd = scalar::from_bits((quadrant & BitsOf<V>(1)) << N::mantissa_bits);
  const V is_negative = scalar::from_bits(quadrant << (sizeof(T) * 8 - 2));
  return flip_sign(scalar::select(scalar::differs(is_odd, V(0)), cosine, sine), is_negative);
}

struct LibrarySine {
  KEEN_SCALAR float operator()(float x) const { return static_cast<float>(__builtin_sin(static_cast<double>(x))); }
  KEEN_SCALAR double operator()(double x) const { return __builtin_sin(x); }
};
struct LibraryCosine {
  KEEN_SCALAR float operator()(float x) const { return static_cast<float>(__builtin_cos(static_cast<double>(x))); }
  KEEN_SCALAR double operator()(double x) const { return __builtin_cos(x); }
};

/// sine_within, but f for the elements that are too large for it.
template <class V, class F>
KEEN_SCALAR V sine_or(V x, int quarters, F f) {
  const auto fits = magnitude(x) <= V(SineConstants<Element<V>>::limit);
  V y = sine_within(x, quarters);
  if (!scalar::all(fits)) y = scalar::select(fits, y, scalar::lanewise(f, x));
  return y;
}

template <class V>
KEEN_SCALAR V sin(V x) {
  return scalar::select(x == V(0), x, sine_or(x, 0, LibrarySine{}));
}
template <class V>
KEEN_SCALAR V cos(V x) {
  return sine_or(x, 1, LibraryCosine{});
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
