// From random bits to uniform and normal numbers, for numbers, vectors and CUDA. Only + - * / and sqrt, which round
// correctly everywhere: the same bits give the same numbers on every instruction set and device.
//
// A block of two halves (64 bits each; two float32 or one float64 to a half) gives as many numbers as it holds:
// half for half, but for normal numbers, where the first half gives radii and the second angles.
//
// M describes the arithmetic (Numbers, or vectors elsewhere): T the element, F, U and I the floating, unsigned and signed
// values, and number(U), signed_number(I), to_bits(F), from_bits(U), sqrt(F).
#pragma once
#ifndef __CUDACC_RTC__
#include <math.h>
#endif

#include "random/philox.h"

namespace keen::random_bits {

template <class T>
struct FloatingFormat;
template <>
struct FloatingFormat<float> {
  static constexpr int bits = 32, mantissa = 23;
  static constexpr int number_bits = 31;  // M::number takes less than 2^31
  static constexpr Word sqrt_half = 0x3f3504f3u;
  static constexpr int log_terms = 5, sine_terms = 5, quantile_terms = 8;
};
template <>
struct FloatingFormat<double> {
  static constexpr int bits = 64, mantissa = 52;
  static constexpr int number_bits = 53;
  static constexpr Long sqrt_half = 0x3fe6a09e667f3bcdull;
  static constexpr int log_terms = 11, sine_terms = 9, quantile_terms = 17;
};

/// The arithmetic of plain numbers, on the host and in CUDA.
template <class T>
struct Numbers;
template <>
struct Numbers<float> {
  using T = float;
  using F = float;
  using U = Word;
  using I = int;
  KEEN_HOST_DEVICE static F number(U x) { return static_cast<F>(static_cast<I>(x)); }
  KEEN_HOST_DEVICE static F signed_number(I x) { return static_cast<F>(x); }
  KEEN_HOST_DEVICE static U to_bits(F x) { return __builtin_bit_cast(U, x); }
  KEEN_HOST_DEVICE static F from_bits(U x) { return __builtin_bit_cast(F, x); }
  KEEN_HOST_DEVICE static F sqrt(F x) { return ::sqrtf(x); }
};
template <>
struct Numbers<double> {
  using T = double;
  using F = double;
  using U = Long;
  using I = long long;
  KEEN_HOST_DEVICE static F number(U x) { return static_cast<F>(x); }
  KEEN_HOST_DEVICE static F signed_number(I x) { return static_cast<F>(x); }
  KEEN_HOST_DEVICE static U to_bits(F x) { return __builtin_bit_cast(U, x); }
  KEEN_HOST_DEVICE static F from_bits(U x) { return __builtin_bit_cast(F, x); }
  KEEN_HOST_DEVICE static F sqrt(F x) { return ::sqrt(x); }
};

/// 2^-n for n < 64.
template <class T, int n>
inline constexpr T power_of_half = T(1) / T(Long{1} << n);

template <class M>
struct Distributions {
  using T = typename M::T;
  using F = typename M::F;
  using U = typename M::U;
  using Format = FloatingFormat<T>;
  static constexpr int digits = Format::mantissa + 1;

  /// [0, 1) in steps of 2^-24 or 2^-53.
  KEEN_HOST_DEVICE static F uniform(U w) { return M::number(w >> (Format::bits - digits)) * power_of_half<T, digits>; }

  /// (0, 1], never 0.
  KEEN_HOST_DEVICE static F positive(U w) {
    constexpr int n = Format::number_bits;
    return M::number(w >> (Format::bits - n)) * power_of_half<T, n> + power_of_half<T, n + 1>;
  }

  /// log u of a normal u in (0, 1]: u = 2^k m with m about 1, log m = 2 atanh((m - 1) / (m + 1)).
  KEEN_HOST_DEVICE static F log(F u) {
    using I = typename M::I;
    const U bits = M::to_bits(u);
    const I k = (I)(bits - Format::sqrt_half) >> Format::mantissa;
    const F m = M::from_bits(bits - ((U)k << Format::mantissa));
    const F s = (m - T(1)) / (m + T(1)), z = s * s;
    F sum = F{} + T(2) / T(2 * Format::log_terms - 1);
    for (int i = Format::log_terms - 2; i >= 0; --i) sum = sum * z + T(2) / T(2 * i + 1);
    return M::signed_number(k) * T(0.693147180559945309417) + s * sum;
  }

  /// The sine and cosine of an angle uniform on the circle: the upper two bits choose the quadrant, the others an angle
  /// from -pi/4 to pi/4.
  KEEN_HOST_DEVICE static void direction(U w, F& cosine, F& sine) {
    constexpr T quarter_pi = T(0.785398163397448309616);
    const U quadrant = w >> (Format::bits - 2);
    const F x = M::number((w << 2) >> (Format::bits - digits)) - T(Long{1} << (digits - 1));
    const F t = x * (quarter_pi * power_of_half<T, digits - 1>), z = t * t;
    F s = F{} + T(1), c = F{} + T(1);
    for (int i = Format::sine_terms - 1; i > 0; --i) {
      s = T(1) - s * z * (T(1) / T(2 * i * (2 * i + 1)));
      c = T(1) - c * z * (T(1) / T((2 * i - 1) * (2 * i)));
    }
    s = s * t;
    const auto odd = (quadrant & 1) == 1;
    const F across = odd ? s : c, up = odd ? c : s;
    cosine = M::from_bits(M::to_bits(across) ^ (((quadrant + 1) >> 1) << (Format::bits - 1)));
    sine = M::from_bits(M::to_bits(up) ^ ((quadrant >> 1) << (Format::bits - 1)));
  }

  /// Box-Muller.
  KEEN_HOST_DEVICE static void normal(U radius_bits, U angle_bits, F& first, F& second) {
    const F radius = M::sqrt(log(positive(radius_bits)) * T(-2));
    F cosine, sine;
    direction(angle_bits, cosine, sine);
    first = radius * cosine;
    second = radius * sine;
  }

  /// Normal within two standard deviations, by inversion: v uniform in (-erf(sqrt 2), erf(sqrt 2)), result
  /// sqrt(2) erfinv(v) = v p(-log(1 - v^2)). Relative error below 1e-8 (float32) and 1e-16 (float64) before rounding.
  KEEN_HOST_DEVICE static F truncated_normal(U w) {
    constexpr double p[] = {1.68229411566758341,     0.352874049527294052,     0.0035520593025714283,
                            -0.00318732428452763927, 0.000203067891027797859,  0.0000440610921090660884,
                            -7.1349982929550542e-6,  -4.42081981373947449e-7,  1.8041094146988274e-7,
                            -1.75896815122700467e-9, -3.84851223952925707e-9,  2.74698354351998052e-10,
                            6.92718721515284726e-11, -1.02811276019278063e-11, -9.65092999623314805e-13,
                            2.53620490147252213e-13, 9.66902870303912074e-15};
    constexpr T limit = T(0.954499736103641585599);
    const F x = M::number(w >> (Format::bits - digits)) - T(Long{1} << (digits - 1)) + T(0.5);
    const F v = x * (limit * power_of_half<T, digits - 1>);
    const F t = F{} - log((T(1) - v) * (T(1) + v)) - T(1.25);
    F sum = F{} + T(p[Format::quantile_terms - 1]);
    for (int i = Format::quantile_terms - 2; i >= 0; --i) sum = sum * t + T(p[i]);
    const F z = v * sum, two = F{} + T(2);
    return z > two ? two : z < F{} - two ? F{} - two : z;
  }
};

}  // namespace keen::random_bits
