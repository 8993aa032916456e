// The primitives of number.h on xsimd batches.
#pragma once
#include "scalar/number.h"

#ifndef __CUDACC_RTC__
namespace keen::scalar {
inline namespace KEEN_ISA {

template <class T, class A>
struct Value<xsimd::batch<T, A>> {
  using Element = T;
  using Bits = xsimd::batch<typename Number<T>::Bits, A>;
};

template <class T, class A>
KEEN_SCALAR xsimd::batch<T, A> select(xsimd::batch_bool<T, A> condition, xsimd::batch<T, A> a, xsimd::batch<T, A> b) {
  return xsimd::select(condition, a, b);
}
template <class T, class A>
KEEN_SCALAR bool all(xsimd::batch_bool<T, A> condition) {
  return xsimd::all(condition);
}

template <class A>
KEEN_SCALAR xsimd::batch<Bits32, A> to_bits(xsimd::batch<float, A> x) {
  return xsimd::bitwise_cast<xsimd::batch<Bits32, A>>(x);
}
template <class A>
KEEN_SCALAR xsimd::batch<Bits64, A> to_bits(xsimd::batch<double, A> x) {
  return xsimd::bitwise_cast<xsimd::batch<Bits64, A>>(x);
}
template <class A>
KEEN_SCALAR xsimd::batch<float, A> from_bits(xsimd::batch<Bits32, A> x) {
  return xsimd::bitwise_cast<xsimd::batch<float, A>>(x);
}
template <class A>
KEEN_SCALAR xsimd::batch<double, A> from_bits(xsimd::batch<Bits64, A> x) {
  return xsimd::bitwise_cast<xsimd::batch<double, A>>(x);
}
template <class T, class A>
KEEN_SCALAR xsimd::batch<T, A> fma(xsimd::batch<T, A> a, xsimd::batch<T, A> b, xsimd::batch<T, A> c) {
  return xsimd::fma(a, b, c);
}
#ifdef __AVX512F__
// xsimd 8's fma multiplies and adds here.
KEEN_SCALAR xsimd::batch<float> fma(xsimd::batch<float> a, xsimd::batch<float> b, xsimd::batch<float> c) {
  return _mm512_fmadd_ps(a, b, c);
}
KEEN_SCALAR xsimd::batch<double> fma(xsimd::batch<double> a, xsimd::batch<double> b, xsimd::batch<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
#endif
template <class T, class A>
KEEN_SCALAR xsimd::batch<T, A> sqrt(xsimd::batch<T, A> x) {
  return xsimd::sqrt(x);
}

template <class F, class T, class A>
KEEN_SCALAR xsimd::batch<T, A> lanewise(F f, xsimd::batch<T, A> x) {
  alignas(sizeof(x)) T lanes[xsimd::batch<T, A>::size];
  x.store_aligned(lanes);
  for (T& lane : lanes) lane = f(lane);
  return xsimd::batch<T, A>::load_aligned(lanes);
}
template <class F, class T, class A>
KEEN_SCALAR xsimd::batch<T, A> lanewise(F f, xsimd::batch<T, A> a, xsimd::batch<T, A> b) {
  constexpr std::size_t size = xsimd::batch<T, A>::size;
  alignas(sizeof(a)) T left[size], right[size];
  a.store_aligned(left);
  b.store_aligned(right);
  for (std::size_t i = 0; i < size; ++i) left[i] = f(left[i], right[i]);
  return xsimd::batch<T, A>::load_aligned(left);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
#endif
