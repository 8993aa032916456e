// The Gaussian error linear unit, x·Φ(x), and its approximation by a hyperbolic tangent.
#pragma once
#include "scalar/erf.h"
#include "scalar/exp_log.h"
#include "scalar/hyperbolic.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

template <class T>
struct GeluConstants {
  static constexpr T cubic = T(0.044715);
  static constexpr T scale = T(0.7978845608028654);      // √(2/π)
  static constexpr T three_cubic = T(0.134145);          // 3 · cubic
  static constexpr T root_half = T(0.7071067811865476);  // √½
  static constexpr T density = T(0.3989422804014327);    // 1/√(2π)
};

template <class V>
KEEN_SCALAR V gelu(V x) {
  using C = GeluConstants<Element<V>>;
  const V u = V(C::scale) * (x + V(C::cubic) * (x * x * x));
  return V(Element<V>(0.5)) * x * (V(1) + scalar::tanh(u));
}

/// dy · (½(1 + t) + ½x(1 − t²) du/dx) with t = tanh u.
template <class V>
KEEN_SCALAR V gelu_gradient(V dy, V x) {
  using C = GeluConstants<Element<V>>;
  const V half(Element<V>(0.5)), squared = x * x;
  const V t = scalar::tanh(V(C::scale) * (x + V(C::cubic) * (squared * x)));
  const V slope = V(C::scale) * (V(1) + V(C::three_cubic) * squared);
  return dy * (half * (V(1) + t) + half * x * ((V(1) - t * t) * slope));
}

template <class V>
KEEN_SCALAR V gelu_exact(V x) {
  using C = GeluConstants<Element<V>>;
  return V(Element<V>(0.5)) * x * (V(1) + scalar::erf(x * V(C::root_half)));
}

/// dy · (Φ(x) + x φ(x)).
template <class V>
KEEN_SCALAR V gelu_exact_gradient(V dy, V x) {
  using C = GeluConstants<Element<V>>;
  const V half(Element<V>(0.5)), density = V(C::density) * scalar::exp(-(half * (x * x)));
  return dy * (half * (V(1) + scalar::erf(x * V(C::root_half))) + x * density);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
