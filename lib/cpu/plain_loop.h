// Loops that the compiler turns into vector code: integers, booleans and comparisons.
#pragma once
#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "cpu/loops.h"
#include "scalar/functions.h"

namespace keen::detail::cpu::KEEN_ISA {

/// Elements of the scratch that stands in for a repeated input.
template <class T>
inline constexpr std::int64_t block = 1024 / sizeof(T);

template <class T>
[[gnu::always_inline]] inline const T* spread(T* scratch, const void* element, std::int64_t n) {
  const T value = *static_cast<const T*>(element);
  const std::int64_t count = n < block<T> ? n : block<T>;
  for (std::int64_t i = 0; i < count; ++i) scratch[i] = value;
  return scratch;
}

/// How an element lies in memory: the vectoriser negates bytes, but not bools.
template <class T>
using InMemory = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

// The pragma's promise holds with out equal to an input as well: iteration i reads and writes element i only.
template <class F, class R, class T>
[[gnu::noinline]] void run_unary(const InMemory<T>* x, R* out, std::int64_t n) {
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
  for (std::int64_t i = 0; i < n; ++i) out[i] = F{}(static_cast<T>(x[i]));
}
template <class F, class R, class T>
[[gnu::noinline]] void run_binary(const T* a, const T* b, R* out, std::int64_t n) {
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
  for (std::int64_t i = 0; i < n; ++i) out[i] = F{}(a[i], b[i]);
}

template <class F, class R, class T>
void plain_unary(const void* const* in, unsigned repeated, void* out, std::int64_t n) {
  R* to = static_cast<R*>(out);
  if (!repeated) return run_unary<F, R, T>(static_cast<const InMemory<T>*>(in[0]), to, n);
  InMemory<T> scratch[block<T>];
  const InMemory<T>* x = spread(scratch, in[0], n);
  for (std::int64_t i = 0; i < n; i += block<T>) run_unary<F, R, T>(x, to + i, n - i < block<T> ? n - i : block<T>);
}

template <class F, class R, class T>
void plain_binary(const void* const* in, unsigned repeated, void* out, std::int64_t n) {
  const T *a = static_cast<const T*>(in[0]), *b = static_cast<const T*>(in[1]);
  R* to = static_cast<R*>(out);
  if (!repeated) return run_binary<F>(a, b, to, n);
  T left[block<T>], right[block<T>];
  if (repeated & 1) a = spread(left, a, n);
  if (repeated & 2) b = spread(right, b, n);
  for (std::int64_t i = 0; i < n; i += block<T>) {
    const std::int64_t count = n - i < block<T> ? n - i : block<T>;
    run_binary<F>(repeated & 1 ? a : a + i, repeated & 2 ? b : b + i, to + i, count);
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
