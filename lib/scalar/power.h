// Powers with a floating exponent.
#pragma once
#include "scalar/arithmetic.h"
#include "scalar/exp_log.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

/// 2^(y·log₂ x) for x > 0, in double precision with an error near 2^-33: the core of the float32 power.
template <class D>
KEEN_SCALAR D power_core(D x, D y) {
  const auto [k, m] = decompose(x);
  const D s = (m - D(1)) / (m + D(1));
  const D log2 = scalar::fma(
      s,
      polynomial(
          s * s, 0x1.71547652b8250p+1, 0x1.ec709dc53e7a0p-1, 0x1.2776c290ac660p-1, 0x1.a61a30f932d0bp-2,
          0x1.4794f6b372ec9p-2, 0x1.21b68d1785a46p-2),
      k);
  const D e = clamp(y * log2, -300.0, 300.0);
  const D n = round_small(e), f = e - n;
  const D p = polynomial(
      f, 1.0, 0x1.62e42ff0e4259p-1, 0x1.ebfbe078495abp-3, 0x1.c6b08abc43cdap-5, 0x1.3b29f2d616337p-7,
      0x1.5d8a8894db940p-10, 0x1.445d315737adap-13, 0x1.fde50c8be30ccp-17);
  return p * power_of_two(n);
}
KEEN_SCALAR float positive_power(float x, float y) {
  return static_cast<float>(power_core(static_cast<double>(x), static_cast<double>(y)));
}
#ifndef __CUDACC_RTC__
/// The same, half a batch at a time.
template <class A>
KEEN_SCALAR xsimd::batch<float, A> positive_power(xsimd::batch<float, A> x, xsimd::batch<float, A> y) {
  using Double = xsimd::batch<double, A>;
  constexpr std::size_t size = xsimd::batch<float, A>::size, half = Double::size;
  alignas(sizeof(x)) float base[size], exponent[size];
  x.store_aligned(base);
  y.store_aligned(exponent);
  alignas(sizeof(x)) double wide_base[size], wide_exponent[size];
  for (std::size_t i = 0; i < size; ++i) {
    wide_base[i] = static_cast<double>(base[i]);
    wide_exponent[i] = static_cast<double>(exponent[i]);
  }
  for (std::size_t i = 0; i < size; i += half) {
    power_core(Double::load_aligned(wide_base + i), Double::load_aligned(wide_exponent + i))
        .store_aligned(wide_base + i);
  }
  for (std::size_t i = 0; i < size; ++i) base[i] = static_cast<float>(wide_base[i]);
  return xsimd::batch<float, A>::load_aligned(base);
}
#endif

/// The special cases of C's pow around the power of |x|.
template <class V>
KEEN_SCALAR V float_pow(V x, V y) {
  using T = Element<V>;
  const V zero(0), one(1), half(T(0.5)), a = magnitude(x);
  const auto regular = (a > zero) & (a < infinity<V>());
  V r = scalar::positive_power(scalar::select(regular, a, one), y);
  // 0 and infinity: the exponent's sign decides between them.
  const auto grows = (a > one) == (y > zero);
  r = scalar::select(regular, r, scalar::select(grows, infinity<V>(), zero));
  r = scalar::select(a == one, one, r);

  const auto integral = scalar::floor(y) == y;
  const auto odd = integral & scalar::differs(scalar::floor(y * half) * V(2), y);
  r = scalar::select(odd, flip_sign(r, x), r);
  r = scalar::select((x < zero) & (a < infinity<V>()) & !integral, nan<V>(), r);
  r = scalar::select(scalar::is_nan(x) | scalar::is_nan(y), x + y, r);
  return scalar::select((y == zero) | (x == one), one, r);
}

struct LibraryPower {
  KEEN_SCALAR double operator()(double x, double y) const { return __builtin_pow(x, y); }
};

template <class V>
KEEN_SCALAR V pow(V x, V y) {
  if constexpr (!is_float<V>) return scalar::lanewise(Pow{}, x, y);
  else if constexpr (sizeof(Element<V>) == sizeof(float)) return float_pow(x, y);
  else return scalar::lanewise(LibraryPower{}, x, y);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
