// The hyperbolic tangent.
#pragma once
#include "scalar/exp_log.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

/// x + x³·P(x²) near 0, 1 − 2/(e^2|x| + 1) further out: there the exponential may be rough, its share being small.
template <class B>
KEEN_SCALAR B tanh_float(B x) {
  using C = ExpConstants<float>;
  const B a = magnitude(x), u = x * x;
  const B near = scalar::fma(
      u * x, polynomial(u, -0x1.55553ep-2f, 0x1.1109bep-3f, -0x1.b89abap-5f, 0x1.54c3c2p-6f, -0x1.828774p-8f), x);
  // e^2a for 2a ≤ 20, where 1 − 2/(e^2a + 1) is 1 already: its exponent n has no trouble with the range of floats.
  const B y = lower(B(20.0f), a + a);
  const B rounded = scalar::fma(y, B(C::log2_e), B(rounder<float>(127)));
  const B r = scalar::fma(rounded - B(rounder<float>(127)), B(-0x1.62e43p-1f), y);
  const B p = scalar::fma(r * r, C::exp_tail(r), r) + B(1);
  const B far = B(1) - B(2) / scalar::fma(p, power_of_two_from(rounded), B(1));
  return with_sign(scalar::select(a < B(0.6f), near, far), x);
}

/// With t = e^2|x| − 1: t/(t + 2) near 0, 1 − 2/(t + 2) further out.
template <class B>
KEEN_SCALAR B tanh_double(B x) {
  const B a = magnitude(x), t = scalar::expm1(lower(B(44.0), a + a)), d = t + B(2);
  const auto near = a < B(0.55);
  const B q = scalar::select(near, t, B(2)) / d;
  return with_sign(scalar::select(near, q, B(1) - q), x);
}

template <class V>
KEEN_SCALAR V tanh(V x) {
  if constexpr (sizeof(Element<V>) == sizeof(float)) return tanh_float(x);
  else return tanh_double(x);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
