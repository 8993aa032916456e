// The Gaussian error linear unit, x·Φ(x), and its approximation by a hyperbolic tangent.
#pragma once
#include "scalar/erf.h"
#include "scalar/hyperbolic.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

template <class V>
KEEN_SCALAR V gelu(V x) {
  using T = Element<V>;
  const V u = V(T(0.7978845608028654)) * (x + V(T(0.044715)) * (x * x * x));  // √(2/π)
  return V(T(0.5)) * x * (V(1) + scalar::tanh(u));
}

template <class V>
KEEN_SCALAR V gelu_exact(V x) {
  using T = Element<V>;
  return V(T(0.5)) * x * (V(1) + scalar::erf(x * V(T(0.7071067811865476))));  // √½
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
