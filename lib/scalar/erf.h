// The error function.
#pragma once
#include "scalar/exp_log.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

/// x + x·P(x²) up to 1, 1 − e^−Q(x) beyond.
template <class B>
KEEN_SCALAR B erf_float(B x) {
  const B a = magnitude(x), u = x * x;
  const B near = scalar::fma(
      x,
      polynomial(
          u, 0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2ce6p-4f, -0x1.b7f71ap-6f, 0x1.53f224p-8f, -0x1.a3515ep-11f,
          0x1.4771fep-14f),
      x);
  const B t = lower(B(3.95f), a);
  const B exponent = polynomial(
      t, 0x1.72eda4p-12f, 0x1.2085bp+0f, 0x1.46c58cp-1f, 0x1.a60a4ap-4f, -0x1.65415ap-6f, 0x1.814c2cp-9f,
      -0x1.852cap-13f);
  return scalar::select(a < B(1), near, with_sign(B(1) - scalar::exp(-exponent), x));
}

struct LibraryErf {
  KEEN_SCALAR double operator()(double x) const { return __builtin_erf(x); }
};

template <class V>
KEEN_SCALAR V erf(V x) {
  if constexpr (sizeof(Element<V>) == sizeof(float)) return erf_float(x);
  else return scalar::lanewise(LibraryErf{}, x);
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
