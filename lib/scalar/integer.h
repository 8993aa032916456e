// Arithmetic of plain integers that wraps and never traps, whatever the operands.
#pragma once
#include "scalar/number.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

/// The unsigned type to compute in: at least as wide as int, else promotion would make products overflow.
template <int bytes>
struct Unsigned {
  using Type = Bits32;
};
template <>
struct Unsigned<8> {
  using Type = Bits64;
};
template <class T>
using Wrapping = typename Unsigned<sizeof(T)>::Type;

template <class T>
KEEN_SCALAR T wrapping_add(T a, T b) {
  return static_cast<T>(Wrapping<T>(a) + Wrapping<T>(b));
}
template <class T>
KEEN_SCALAR T wrapping_subtract(T a, T b) {
  return static_cast<T>(Wrapping<T>(a) - Wrapping<T>(b));
}
template <class T>
KEEN_SCALAR T wrapping_multiply(T a, T b) {
  return static_cast<T>(Wrapping<T>(a) * Wrapping<T>(b));
}

/// ⌊a/b⌋; 0 where b is 0.
template <class T>
KEEN_SCALAR T integer_floor_divide(T a, T b) {
  if (b == T(0)) return T(0);
  if constexpr (Number<T>::is_signed) {
    if (b == T(-1)) return wrapping_subtract(T(0), a);
    const bool inexact = a % b != T(0);
    return static_cast<T>(a / b - (inexact && (a < T(0)) != (b < T(0))));
  } else {
    return static_cast<T>(a / b);
  }
}
/// a − b⌊a/b⌋; 0 where b is 0.
template <class T>
KEEN_SCALAR T integer_mod(T a, T b) {
  if (b == T(0)) return T(0);
  if constexpr (Number<T>::is_signed) {
    if (b == T(-1)) return T(0);
    const T rest = static_cast<T>(a % b);
    return rest != T(0) && (rest < T(0)) != (b < T(0)) ? static_cast<T>(rest + b) : rest;
  } else {
    return static_cast<T>(a % b);
  }
}
/// aᵇ by squaring; a negative power is 0, but for ±1.
template <class T>
KEEN_SCALAR T integer_pow(T a, T b) {
  if constexpr (Number<T>::is_signed) {
    if (b < T(0)) {
      if (a == T(1)) return T(1);
      if (a == T(-1)) return (b & T(1)) ? T(-1) : T(1);
      return T(0);
    }
  }
  Wrapping<T> base = Wrapping<T>(a), power = 1;
  for (Wrapping<T> left = Wrapping<T>(b); left != 0; left >>= 1) {
    if (left & 1) power *= base;
    base *= base;
  }
  return static_cast<T>(power);
}

struct FloorDivide {
  template <class T>
  KEEN_SCALAR T operator()(T a, T b) const {
    return integer_floor_divide(a, b);
  }
};
struct Mod {
  template <class T>
  KEEN_SCALAR T operator()(T a, T b) const {
    return integer_mod(a, b);
  }
};
struct Pow {
  template <class T>
  KEEN_SCALAR T operator()(T a, T b) const {
    return integer_pow(a, b);
  }
};

}  // namespace KEEN_ISA
}  // namespace keen::scalar
