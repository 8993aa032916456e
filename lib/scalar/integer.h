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

/// a/b towards zero, of up to 32 bits and b neither 0 nor −1: a double's quotient is never rounded across an integer, and
/// processors divide doubles side by side.
template <class T>
KEEN_SCALAR T narrow_quotient(T a, T b) {
  return static_cast<T>(static_cast<double>(a) / static_cast<double>(b));
}

/// ⌊a/b⌋; 0 where b is 0.
template <class T>
KEEN_SCALAR T integer_floor_divide(T a, T b) {
  if constexpr (sizeof(T) < 8) {
    // By 0 and by −1 comes to a times that, without a branch: compilers then divide whole registers.
    const bool trivial = (b == T(0)) | (Number<T>::is_signed && b == T(-1));
    const T divisor = trivial ? T(1) : b, factor = trivial ? b : T(1), q = narrow_quotient(a, divisor);
    const T rest = wrapping_subtract(a, wrapping_multiply(q, divisor));
    const bool below = (rest != T(0)) & ((rest < T(0)) != (divisor < T(0)));
    return wrapping_multiply(static_cast<T>(q - T(below)), factor);
  } else {
    if (b == T(0)) return T(0);
    if constexpr (Number<T>::is_signed) {
      if (b == T(-1)) return wrapping_subtract(T(0), a);
      const bool inexact = a % b != T(0);
      return static_cast<T>(a / b - (inexact && (a < T(0)) != (b < T(0))));
    } else {
      return static_cast<T>(a / b);
    }
  }
}
/// a − b⌊a/b⌋; 0 where b is 0.
template <class T>
KEEN_SCALAR T integer_mod(T a, T b) {
  if constexpr (sizeof(T) < 8) {
    const bool trivial = (b == T(0)) | (Number<T>::is_signed && b == T(-1));
    const T divisor = trivial ? T(1) : b;
    const T rest = wrapping_subtract(a, wrapping_multiply(narrow_quotient(a, divisor), divisor));
    const bool other_sign = (rest != T(0)) & ((rest < T(0)) != (divisor < T(0)));
    return static_cast<T>(rest + (other_sign ? divisor : T(0)));
  } else {
    if (b == T(0)) return T(0);
    if constexpr (Number<T>::is_signed) {
      if (b == T(-1)) return T(0);
      const T rest = static_cast<T>(a % b);
      return rest != T(0) && (rest < T(0)) != (b < T(0)) ? static_cast<T>(rest + b) : rest;
    } else {
      return static_cast<T>(a % b);
    }
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
