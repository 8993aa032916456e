// The end of a row, shorter than a register, read and written as one.
#pragma once
#include <cstdint>

#include "scalar/number.h"
#include "scalar/simd.h"

namespace keen::detail::cpu::KEEN_ISA {

/// The first `count` elements, then -∞, whose exponential is 0.
template <class T>
[[gnu::always_inline]] inline xsimd::batch<T> load_row_end(const T* x, std::int64_t count) {
  using B = xsimd::batch<T>;
  alignas(sizeof(B)) T padded[B::size];
  B(-scalar::Number<T>::infinity).store_aligned(padded);
  for (std::int64_t i = 0; i < count; ++i) padded[i] = x[i];
  return B::load_aligned(padded);
}
template <class T>
[[gnu::always_inline]] inline void store_row_end(T* y, xsimd::batch<T> value, std::int64_t count) {
  using B = xsimd::batch<T>;
  alignas(sizeof(B)) T padded[B::size];
  value.store_aligned(padded);
  for (std::int64_t i = 0; i < count; ++i) y[i] = padded[i];
}
#ifdef __AVX512F__
[[gnu::always_inline]] inline xsimd::batch<float> load_row_end(const float* x, std::int64_t count) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(-__builtin_huge_val()), static_cast<__mmask16>((1u << count) - 1), x);
}
[[gnu::always_inline]] inline xsimd::batch<double> load_row_end(const double* x, std::int64_t count) {
  return _mm512_mask_loadu_pd(_mm512_set1_pd(-__builtin_huge_val()), static_cast<__mmask8>((1u << count) - 1), x);
}
[[gnu::always_inline]] inline void store_row_end(float* y, xsimd::batch<float> value, std::int64_t count) {
  _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1u << count) - 1), value);
}
[[gnu::always_inline]] inline void store_row_end(double* y, xsimd::batch<double> value, std::int64_t count) {
  _mm512_mask_storeu_pd(y, static_cast<__mmask8>((1u << count) - 1), value);
}
#endif

}  // namespace keen::detail::cpu::KEEN_ISA
