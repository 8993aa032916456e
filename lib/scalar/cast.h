// Conversion between number types: always defined, the same everywhere.
#pragma once
#include "scalar/base.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

/// Bounds of an integer type.
template <class T>
struct Range {
  static constexpr int bits = sizeof(T) * 8 - (Number<T>::is_signed ? 1 : 0);
  static constexpr T high = static_cast<T>(~Bits64(0) >> (64 - bits)),
                     low = static_cast<T>(~high & T(-Number<T>::is_signed));
  /// 2^bits, the first number above.
  template <class F>
  static constexpr F end() {
    return F(Bits64(1) << (bits - 1)) * F(2);
  }
};

/// Numbers to bool ask ≠ 0 (NaN is true); floats to integers truncate, out of range they take the nearest bound, NaN
/// gives 0; integers to integers wrap; all else rounds to nearest.
template <class To, class From>
KEEN_SCALAR To convert(From x) {
  if constexpr (Number<From>::is_floating && !Number<To>::is_floating && sizeof(To) > 0) {
    if constexpr (__is_same(To, bool)) {
      return x != From(0);
    } else {
      constexpr From end = Range<To>::template end<From>(), begin = Number<To>::is_signed ? -end : From(0);
      const bool above = x >= end, below = x < begin, fits = (x == x) & !above & !below;
      const To inside = static_cast<To>(fits ? x : From(0));
      return above ? Range<To>::high : below ? Range<To>::low : inside;
    }
  } else if constexpr (__is_same(To, bool)) {
    return x != From(0);
  } else {
    return static_cast<To>(x);
  }
}

// float16 and bfloat16 as their bits.

/// Rounds to nearest even; overflow gives infinity, NaN stays (quiet).
KEEN_SCALAR unsigned short half_from(float x) {
  const Bits32 bits = to_bits(x), sign = (bits >> 16) & 0x8000u, a = bits & 0x7fffffffu;
  // Normal: move the exponent and round off 13 bits. Subnormal: let the float adder round at 2^-24.
  const Bits32 normal = (a - (112u << 23) + 0xfffu + ((a >> 13) & 1u)) >> 13;
  const Bits32 subnormal = to_bits(from_bits(a) + 0.5f) - 0x3f000000u;
  const Bits32 special = a > 0x7f800000u ? 0x7e00u | ((a >> 13) & 0x3ffu) : 0x7c00u;
  const Bits32 finite = a < (113u << 23) ? subnormal : normal;
  return static_cast<unsigned short>(sign | (a >= 0x477ff000u ? special : finite));
}
KEEN_SCALAR float half_to(unsigned short h) {
  const Bits32 sign = (h & 0x8000u) * 0x10000u, a = (h & 0x7fffu) * 0x2000u;  // exponent and mantissa in place
  // Scaling by 2^112 rebiases the exponent, subnormals included.
  const Bits32 finite = to_bits(from_bits(a) * 0x1p112f), quiet = a > (31u << 23) ? 0x400000u : 0u;
  return from_bits(sign | (a >= (31u << 23) ? a | 0x7f800000u | quiet : finite));
}
KEEN_SCALAR unsigned short bfloat_from(float x) {
  const Bits32 bits = to_bits(x);
  const Bits32 rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<unsigned short>((x != x ? bits | 0x400000u : rounded) >> 16);
}
KEEN_SCALAR float bfloat_to(unsigned short b) { return from_bits(static_cast<Bits32>(b) << 16); }

/// x as a float whose last bit says whether anything was cut off: rounding that again, to less than 23 bits, gives what
/// rounding x at once would have given.
KEEN_SCALAR float round_to_odd(double x) {
  const float y = static_cast<float>(x);
  const double back = static_cast<double>(y);
  const Bits32 bits = to_bits(y);
  // Towards zero first: one step back where rounding went away from it.
  const double ax = x < 0 ? -x : x, ab = back < 0 ? -back : back;
  const Bits32 cut = ab > ax ? bits - 1 : bits;
  return from_bits(back == x || x != x ? bits : cut | 1u);
}

/// The narrow floats as they lie in memory.
struct HalfBits {
  unsigned short bits;
};
struct BFloatBits {
  unsigned short bits;
};

/// The number itself, or the float32 that the bits stand for.
template <class T>
KEEN_SCALAR T value_of(T x) {
  return x;
}
KEEN_SCALAR float value_of(HalfBits x) { return half_to(x.bits); }
KEEN_SCALAR float value_of(BFloatBits x) { return bfloat_to(x.bits); }

/// A float that rounds to 16 bits as x does. 32- and 64-bit integers go through double, which is finer than any tie.
template <class T>
KEEN_SCALAR float to_narrow_from(T x) {
  if constexpr (sizeof(T) == 8 || (sizeof(T) == 4 && !Number<T>::is_floating))
    return round_to_odd(static_cast<double>(x));
  else return static_cast<float>(x);
}

/// An element of one dtype as one of another.
template <class To, class From>
KEEN_SCALAR To cast(From from) {
  const auto x = value_of(from);
  if constexpr (__is_same(To, HalfBits)) return HalfBits{half_from(to_narrow_from(x))};
  else if constexpr (__is_same(To, BFloatBits)) return BFloatBits{bfloat_from(to_narrow_from(x))};
  else return scalar::convert<To>(x);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
