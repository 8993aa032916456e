// Primitives on plain C++ numbers, and what a value type V of the scalar functions has to say about itself.
#pragma once

#ifdef __CUDACC_RTC__
#define KEEN_SCALAR __device__ __forceinline__
#define KEEN_ISA device
#else
#include <cstdint>

#include "scalar/simd.h"
#define KEEN_SCALAR [[gnu::always_inline]] inline
#endif

namespace keen::scalar {
inline namespace KEEN_ISA {

#ifdef __CUDACC_RTC__
using Bits32 = unsigned int;
using Bits64 = unsigned long long;
#else
using Bits32 = std::uint32_t;
using Bits64 = std::uint64_t;
#endif

/// What belongs to a number type: the unsigned integer of its width, and whether it is a float.
template <class T>
struct Number {
  static constexpr bool is_floating = false;
  static constexpr bool is_signed = T(-1) < T(0);
  using Bits = T;
};
template <>
struct Number<bool> {
  static constexpr bool is_floating = false, is_signed = false;
  using Bits = bool;
};
template <>
struct Number<float> {
  static constexpr bool is_floating = true, is_signed = true;
  using Bits = Bits32;
  static constexpr int mantissa_bits = 23, exponent_bias = 127;
  static constexpr float min_normal = 0x1p-126f, infinity = __builtin_huge_valf(), nan = __builtin_nanf("");
};
template <>
struct Number<double> {
  static constexpr bool is_floating = true, is_signed = true;
  using Bits = Bits64;
  static constexpr int mantissa_bits = 52, exponent_bias = 1023;
  static constexpr double min_normal = 0x1p-1022, infinity = __builtin_huge_val(), nan = __builtin_nan("");
};

/// What belongs to a value type: V itself for a number, the batch of bits for a batch (batch.h).
template <class V>
struct Value {
  using Element = V;
  using Bits = typename Number<V>::Bits;
};
template <class V>
using Element = typename Value<V>::Element;
template <class V>
using BitsOf = typename Value<V>::Bits;

// Overloads for numbers; batch.h has those for batches. Calls from inside say scalar::name, because argument-dependent
// lookup would find xsimd's function of the same name.

template <class T>
KEEN_SCALAR T select(bool condition, T a, T b) {
  return condition ? a : b;
}
KEEN_SCALAR bool all(bool condition) { return condition; }

#ifdef __CUDACC_RTC__
KEEN_SCALAR Bits32 to_bits(float x) { return __float_as_uint(x); }
KEEN_SCALAR Bits64 to_bits(double x) { return static_cast<Bits64>(__double_as_longlong(x)); }
KEEN_SCALAR float from_bits(Bits32 x) { return __uint_as_float(x); }
KEEN_SCALAR double from_bits(Bits64 x) { return __longlong_as_double(static_cast<long long>(x)); }
KEEN_SCALAR float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
KEEN_SCALAR double fma(double a, double b, double c) { return __fma_rn(a, b, c); }
KEEN_SCALAR float sqrt(float x) { return __fsqrt_rn(x); }
KEEN_SCALAR double sqrt(double x) { return __dsqrt_rn(x); }
#else
KEEN_SCALAR Bits32 to_bits(float x) { return __builtin_bit_cast(Bits32, x); }
KEEN_SCALAR Bits64 to_bits(double x) { return __builtin_bit_cast(Bits64, x); }
KEEN_SCALAR float from_bits(Bits32 x) { return __builtin_bit_cast(float, x); }
KEEN_SCALAR double from_bits(Bits64 x) { return __builtin_bit_cast(double, x); }
/// a·b + c, rounded once where the instruction set can, else twice.
KEEN_SCALAR float fma(float a, float b, float c) {
#ifdef __FMA__
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
KEEN_SCALAR double fma(double a, double b, double c) {
#ifdef __FMA__
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}
KEEN_SCALAR float sqrt(float x) { return __builtin_sqrtf(x); }
KEEN_SCALAR double sqrt(double x) { return __builtin_sqrt(x); }
#endif

/// Calls f with x: for a batch with every element in turn (the way out of vector code, to the C library).
template <class F>
KEEN_SCALAR float lanewise(F f, float x) {
  return f(x);
}
template <class F>
KEEN_SCALAR double lanewise(F f, double x) {
  return f(x);
}
template <class F, class T>
KEEN_SCALAR T lanewise(F f, T a, T b) {
  return f(a, b);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
