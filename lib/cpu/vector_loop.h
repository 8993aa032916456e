// Loops over xsimd batches: the floating functions.
#pragma once
#include "cpu/plain_loop.h"

namespace keen::detail::cpu::KEEN_ISA {

template <class T>
using Batch = xsimd::batch<T>;

/// The first `count` elements of a batch, the others 1: a harmless argument of every function.
template <class T>
[[gnu::always_inline]] inline Batch<T> load_part(const T* from, std::int64_t count) {
  alignas(sizeof(Batch<T>)) T padded[Batch<T>::size];
  for (std::size_t i = 0; i < Batch<T>::size; ++i) padded[i] = static_cast<std::int64_t>(i) < count ? from[i] : T(1);
  return Batch<T>::load_aligned(padded);
}
template <class T>
[[gnu::always_inline]] inline void store_part(T* to, Batch<T> x, std::int64_t count) {
  alignas(sizeof(Batch<T>)) T padded[Batch<T>::size];
  x.store_aligned(padded);
  for (std::int64_t i = 0; i < count; ++i) to[i] = padded[i];
}
#ifdef __AVX512F__
[[gnu::always_inline]] inline Batch<float> load_part(const float* from, std::int64_t count) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(1.0f), static_cast<__mmask16>((1u << count) - 1), from);
}
[[gnu::always_inline]] inline Batch<double> load_part(const double* from, std::int64_t count) {
  return _mm512_mask_loadu_pd(_mm512_set1_pd(1.0), static_cast<__mmask8>((1u << count) - 1), from);
}
[[gnu::always_inline]] inline void store_part(float* to, Batch<float> x, std::int64_t count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), x);
}
[[gnu::always_inline]] inline void store_part(double* to, Batch<double> x, std::int64_t count) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1), x);
}
#endif

/// An input: an address that walks, or stays on copies of the repeated element.
template <class T>
struct Stream {
  const T* at;
  std::int64_t step;

  [[gnu::always_inline]] Batch<T> next() {
    const Batch<T> x = Batch<T>::load_unaligned(at);
    at += step;
    return x;
  }
};

/// Room for the copies.
template <class T>
struct Copies {
  alignas(sizeof(Batch<T>)) T elements[Batch<T>::size];
};

template <class T>
[[gnu::always_inline]] inline Stream<T> stream(const void* data, bool repeated, Copies<T>& copies) {
  const T* at = static_cast<const T*>(data);
  if (!repeated) [[likely]]
    return {at, static_cast<std::int64_t>(Batch<T>::size)};
  Batch<T>(*at).store_aligned(copies.elements);
  return {copies.elements, 0};
}

template <class F, class T>
void vector_unary(const void* const* in, unsigned repeated, void* out, std::int64_t n) {
  constexpr auto width = static_cast<std::int64_t>(Batch<T>::size);
  Copies<T> copies;
  Stream<T> x = stream(in[0], repeated & 1, copies);
  T *to = static_cast<T*>(out), *end = to + n;
  for (; end - to >= width; to += width) F{}(x.next()).store_unaligned(to);
  if (to < end) store_part(to, F{}(load_part(x.at, end - to)), end - to);
}

template <class F, class T>
void vector_binary(const void* const* in, unsigned repeated, void* out, std::int64_t n) {
  constexpr auto width = static_cast<std::int64_t>(Batch<T>::size);
  Copies<T> copies[2];
  Stream<T> a = stream(in[0], repeated & 1, copies[0]), b = stream(in[1], repeated & 2, copies[1]);
  T *to = static_cast<T*>(out), *end = to + n;
  for (; end - to >= width; to += width) F{}(a.next(), b.next()).store_unaligned(to);
  if (to < end) store_part(to, F{}(load_part(a.at, end - to), load_part(b.at, end - to)), end - to);
}

}  // namespace keen::detail::cpu::KEEN_ISA
