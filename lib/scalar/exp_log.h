// Exponentials and logarithms, and the functions made of them.
#pragma once
#include "scalar/base.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float log2_e = 0x1.715476p+0f;
  // ln 2 in two parts: n·ln2_high is exact for every exponent n.
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float exp_low = -104.0f, exp_high = 89.0f;  // beyond: 0, infinity
  static constexpr float expm1_low = -20.0f;                   // beyond: -1
  /// (eʳ − 1 − r)/r² on |r| ≤ ln 2 / 2, error 2^-26 of expm1.
  template <class V>
  KEEN_SCALAR static V exp_tail(V r) {
    return polynomial(r, 0x1.fffffep-2f, 0x1.5554a8p-3f, 0x1.555796p-5f, 0x1.122e28p-7f, 0x1.6ac04ep-10f);
  }
  /// (2 atanh(s)/s − 2)/z with z = s² on |s| ≤ (√2 − 1)/(√2 + 1), error 2^-30 of log.
  template <class V>
  KEEN_SCALAR static V log_tail(V z) {
    return polynomial(z, 0x1.55557ap-1f, 0x1.995eccp-2f, 0x1.31e23ep-2f);
  }
  static constexpr float sqrt_half = 0x1.6a09e6p-1f, rescale = 0x1p25f, tiny = 0x1p-25f;
  static constexpr float rescale_exponent = 25.0f;  // its exponent
};
template <>
struct ExpConstants<double> {
  static constexpr double log2_e = 0x1.71547652b82fep+0;
  static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  static constexpr double exp_low = -746.0, exp_high = 710.0, expm1_low = -40.0;
  /// Error 2^-60 of expm1.
  template <class V>
  KEEN_SCALAR static V exp_tail(V r) {
    return polynomial(
        r, 0x1p-1, 0x1.5555555555556p-3, 0x1.5555555555557p-5, 0x1.1111111110d4ap-7, 0x1.6c16c16c15546p-10,
        0x1.a01a01a1d16e2p-13, 0x1.a01a01ac8d243p-16, 0x1.71de3504c3559p-19, 0x1.27e4cc82f8b69p-22,
        0x1.ae729f28c0ad9p-26, 0x1.1f8c6766de0aap-29, 0x1.544d684dd33e1p-33);
  }
  /// Error 2^-59 of log.
  template <class V>
  KEEN_SCALAR static V log_tail(V z) {
    return polynomial(
        z, 0x1.5555555555593p-1, 0x1.999999997f9fbp-2, 0x1.249249422a096p-2, 0x1.c71c51d809b60p-3, 0x1.746649a2074fbp-3,
        0x1.39a09707dc5d1p-3, 0x1.2f116f5c68622p-3);
  }
  static constexpr double sqrt_half = 0x1.6a09e667f3bcdp-1, rescale = 0x1p54, tiny = 0x1p-54;
  static constexpr double rescale_exponent = 54.0;
};

/// x = n·ln 2 + r with n integral and |r| ≤ ln 2 / 2.
template <class V>
struct Reduced {
  V n, r;
};
template <class V>
KEEN_SCALAR Reduced<V> reduce_exp(V x) {
  using C = ExpConstants<Element<V>>;
  const V rounding(rounder<Element<V>>());
  const V n = scalar::fma(x, V(C::log2_e), rounding) - rounding;
  const V r = scalar::fma(n, V(-C::ln2_high), x);
  return {n, scalar::fma(n, V(-C::ln2_low), r)};
}

/// p·2ⁿ, rounded once, also where it over- or underflows: the two factors 2^(n/2) are in range.
template <class V>
KEEN_SCALAR V scale(V p, V n) {
  const V half = round_small(n * V(Element<V>(0.5)));
  return (p * power_of_two(half)) * power_of_two(n - half);
}
#ifdef __AVX512F__
KEEN_SCALAR xsimd::batch<float> scale(xsimd::batch<float> p, xsimd::batch<float> n) { return _mm512_scalef_ps(p, n); }
KEEN_SCALAR xsimd::batch<double> scale(xsimd::batch<double> p, xsimd::batch<double> n) {
  return _mm512_scalef_pd(p, n);
}
#endif

template <class V>
KEEN_SCALAR V exp(V x) {
  using C = ExpConstants<Element<V>>;
  const auto [n, r] = reduce_exp(clamp(x, C::exp_low, C::exp_high));
  const V p = scalar::fma(r * r, C::exp_tail(r), r) + V(1);
  return scalar::scale(p, n);
}

template <class V>
KEEN_SCALAR V expm1(V x) {
  using C = ExpConstants<Element<V>>;
  using T = Element<V>;
  const auto [n, r] = reduce_exp(clamp(x, C::expm1_low, C::exp_high));
  const V q = scalar::fma(r * r, C::exp_tail(r), r);  // eʳ − 1
  // 2ⁿ(q + 1) − 1, by halves because 2ⁿ itself may overflow.
  const V half = power_of_two(n - V(1));
  const V y = scalar::fma(half, q, half - V(T(0.5))) * V(2);
  return scalar::select(n == V(0), with_sign(q, x), y);
}

/// x = 2ᵏ·m with m in [√½, √2), for positive normal x.
template <class V>
struct Decomposed {
  V k, m;
};
template <class V>
KEEN_SCALAR Decomposed<V> decompose(V x) {
  using T = Element<V>;
  using N = Number<T>;
  using B = typename N::Bits;
  constexpr B one = B(N::exponent_bias) << N::mantissa_bits;
  constexpr B small_integers = B(N::exponent_bias + N::mantissa_bits) << N::mantissa_bits;  // 2^mantissa_bits
  const BitsOf<V> offset(static_cast<B>(one - scalar::to_bits(ExpConstants<T>::sqrt_half)));
  const BitsOf<V> biased = (scalar::to_bits(x) + offset) >> N::mantissa_bits;
  const V k =
      scalar::from_bits(biased | BitsOf<V>(small_integers)) - V(T(B(1) << N::mantissa_bits) + T(N::exponent_bias));
  return {k, scalar::from_bits(scalar::to_bits(x) + BitsOf<V>(one) - (biased << N::mantissa_bits))};
}

/// k·ln 2 + log(1 + f) for 1 + f in [√½, √2).
template <class V>
KEEN_SCALAR V log_sum(V k, V f) {
  using C = ExpConstants<Element<V>>;
  const V s = f / (V(2) + f), z = s * s;
  // log(1 + f) = 2s + s·tail = f − f²/2 + s(f²/2 + tail): the first terms are exact or nearly so.
  const V square = V(Element<V>(0.5)) * f * f;
  const V small = scalar::fma(s, scalar::fma(z, C::log_tail(z), square), k * V(C::ln2_low));
  return scalar::fma(k, V(C::ln2_high), f - (square - small));
}

template <class V>
KEEN_SCALAR V log(V x) {
  using T = Element<V>;
  using C = ExpConstants<T>;
  const auto subnormal = x < V(Number<T>::min_normal);
  const auto [k, m] = decompose(scalar::select(subnormal, x * V(C::rescale), x));
  V y = log_sum(k - scalar::select(subnormal, V(C::rescale_exponent), V(0)), m - V(1));
  y = scalar::select(x < infinity<V>(), y, x);
  return scalar::select(x > V(0), y, scalar::select(x == V(0), -infinity<V>(), nan<V>()));
}

template <class V>
KEEN_SCALAR V log1p(V x) {
  using T = Element<V>;
  using C = ExpConstants<T>;
  const V k = decompose(x + V(1)).k;
  // 2⁻ᵏ(1 + x) − 1 without the rounding of 1 + x; by quarters because 2⁻ᵏ may be subnormal.
  const V quarter(T(0.25)), factor = power_of_two(V(2) - k);
  V y = log_sum(k, scalar::fma(quarter * x, factor, scalar::fma(quarter, factor, V(-1))));
  y = scalar::select(magnitude(x) < V(C::tiny), x, y);
  y = scalar::select(x < infinity<V>(), y, x);
  return scalar::select(x > V(-1), y, scalar::select(x == V(-1), -infinity<V>(), nan<V>()));
}

template <class V>
KEEN_SCALAR V softplus(V x) {
  return scalar::select(x > V(0), x, V(0)) + scalar::log1p(scalar::exp(-magnitude(x)));
}

template <class V>
KEEN_SCALAR V sigmoid(V x) {
  const V e = scalar::exp(-magnitude(x));
  return scalar::select(x < V(0), e, V(1)) / (e + V(1));
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
