// The inner loops of optimizer updates, compiled once per instruction set.
#pragma once
#include <cstdint>

namespace keen::detail::cpu {

template <class T>
struct AdamFactors {
  T step, first, second, epsilon;  // lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ), 1 − β₁, 1 − β₂, ε
};

/// Updates of n consecutive elements: w is the variable, m and v its slots, g the gradient; none overlap.
template <class T>
struct UpdateLoops {
  void (*sgd)(T* w, const T* g, std::int64_t n, T rate);
  void (*momentum)(T* w, T* m, const T* g, std::int64_t n, T rate, T mu);
  void (*nesterov)(T* w, T* m, const T* g, std::int64_t n, T rate, T mu);
  void (*adam)(T* w, T* m, T* v, const T* g, std::int64_t n, const AdamFactors<T>& factors);
};

#define KEEN_DECLARE(isa)                               \
  namespace isa {                                       \
  extern const UpdateLoops<float> float_update_loops;   \
  extern const UpdateLoops<double> double_update_loops; \
  }
KEEN_DECLARE(sse2)
KEEN_DECLARE(avx2)
KEEN_DECLARE(avx512)
#undef KEEN_DECLARE

}  // namespace keen::detail::cpu
