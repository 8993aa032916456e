// Vectors one register wide, for files that are compiled once per instruction set: GNU vector extensions.
#pragma once
#include <cstdint>
#include <cstring>

#ifndef KEEN_ISA
#error "compiled per instruction set: KEEN_ISA names the namespace"
#endif

// Vectors wider than a register are passed by value only between functions that are inlined: their ABI does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

// Everything lives in a namespace of its own per instruction set, so that no inline function compiled for AVX-512 can
// be the one that the linker keeps for all.
namespace keen::detail::cpu::KEEN_ISA {

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif

/// `W` numbers of type T. A struct, because a vector type loses its attribute as a template argument.
template <class T, int W>
struct Vector {
  typedef T type __attribute__((vector_size(W * sizeof(T))));
  /// W times the same.
  [[gnu::always_inline]] static type of(T value) {
    type v{};
    for (int i = 0; i < W; ++i) v[i] = value;
    return v;
  }
  /// 0, 1, … W-1.
  [[gnu::always_inline]] static type count() {
    type v{};
    for (int i = 0; i < W; ++i) v[i] = static_cast<T>(i);
    return v;
  }
};

/// Loads W numbers from anywhere and converts them to To as C++ does.
template <class To, int W, class From>
[[gnu::always_inline]] inline typename Vector<To, W>::type load(const From* x) {
  typename Vector<From, W>::type v;
  std::memcpy(&v, x, sizeof v);
  if constexpr (__is_same(To, From)) return v;
  else return __builtin_convertvector(v, typename Vector<To, W>::type);
}

template <class V, class T>
[[gnu::always_inline]] inline void store(T* to, const V& v) {
  std::memcpy(to, &v, sizeof v);
}

}  // namespace keen::detail::cpu::KEEN_ISA
