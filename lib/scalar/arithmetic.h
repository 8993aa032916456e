// Addition, comparison of size, sign and division: what every number type has.
#pragma once
#include "scalar/base.h"
#include "scalar/integer.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

template <class A, class B>
inline constexpr bool same = false;
template <class A>
inline constexpr bool same<A, A> = true;

template <class V>
inline constexpr bool is_number = same<V, Element<V>>;  // else a batch
template <class V>
inline constexpr bool is_boolean = same<V, bool>;
template <class V>
inline constexpr bool is_float = Number<Element<V>>::is_floating;
template <class V>
inline constexpr bool wraps = is_number<V> && !is_float<V>;  // an integer that promotion and overflow threaten

template <class V>
KEEN_SCALAR V add(V a, V b) {
  if constexpr (is_boolean<V>) return a | b;
  else if constexpr (wraps<V>) return wrapping_add(a, b);
  else return a + b;
}
template <class V>
KEEN_SCALAR V subtract(V a, V b) {
  if constexpr (wraps<V>) return wrapping_subtract(a, b);
  else return a - b;
}
template <class V>
KEEN_SCALAR V multiply(V a, V b) {
  if constexpr (is_boolean<V>) return a & b;
  else if constexpr (wraps<V>) return wrapping_multiply(a, b);
  else return a * b;
}
template <class V>
KEEN_SCALAR V negative(V x) {
  if constexpr (is_float<V>) return scalar::from_bits(scalar::to_bits(x) ^ sign_mask<V>());
  else return scalar::subtract(V(0), x);
}

/// The larger; NaN wins.
template <class V>
KEEN_SCALAR V maximum(V a, V b) {
  if constexpr (is_boolean<V>) return a | b;
  else if constexpr (is_float<V>) return scalar::select(scalar::is_nan(a), a, upper(a, b));
  else return scalar::select(a > b, a, b);
}
/// The smaller; NaN wins.
template <class V>
KEEN_SCALAR V minimum(V a, V b) {
  if constexpr (is_boolean<V>) return a & b;
  else if constexpr (is_float<V>) return scalar::select(scalar::is_nan(a), a, lower(a, b));
  else return scalar::select(a < b, a, b);
}

template <class V>
KEEN_SCALAR V abs(V x) {
  if constexpr (is_float<V>) return magnitude(x);
  else if constexpr (Number<Element<V>>::is_signed) return scalar::select(x < V(0), scalar::negative(x), x);
  else return x;
}
/// −1, 0 or 1; NaN is its own sign. −0 + 0 is 0.
template <class V>
KEEN_SCALAR V sign(V x) {
  if constexpr (Number<Element<V>>::is_signed) {
    V other = x;
    if constexpr (is_float<V>) other = x + V(0);
    return scalar::select(x > V(0), V(1), scalar::select(x < V(0), V(Element<V>(-1)), other));
  } else {
    return scalar::select(x > V(0), V(1), x);
  }
}
template <class V>
KEEN_SCALAR V rsqrt(V x) {
  return V(1) / scalar::sqrt(x);
}
KEEN_SCALAR bool logical_not(bool x) { return !x; }

/// Floor division of floats as Python and NumPy define it, by way of C's exact remainder.
struct LibraryDivision {
  template <class T>
  KEEN_SCALAR static T remainder(T a, T b) {
    if constexpr (sizeof(T) == 4) return __builtin_fmodf(a, b);
    else return __builtin_fmod(a, b);
  }
  template <class T>
  KEEN_SCALAR static T mod(T a, T b) {
    const T rest = remainder(a, b);
    if (rest == T(0)) return with_sign(T(0), b);
    return (rest < T(0)) != (b < T(0)) ? rest + b : rest;
  }
  template <class T>
  KEEN_SCALAR static T floor_divide(T a, T b) {
    if (b == T(0)) return a / b;
    const T rest = remainder(a, b);
    const bool below = rest != T(0) && (rest < T(0)) != (b < T(0));
    const T quotient = (a - rest) / b - (below ? T(1) : T(0));  // integral but for rounding
    return quotient == T(0) ? with_sign(T(0), a / b) : scalar::round(quotient);
  }
};
struct LibraryMod {
  template <class T>
  KEEN_SCALAR T operator()(T a, T b) const {
    return LibraryDivision::mod(a, b);
  }
};
struct LibraryFloorDivide {
  template <class T>
  KEEN_SCALAR T operator()(T a, T b) const {
    return LibraryDivision::floor_divide(a, b);
  }
};

/// q = ⌊a/b⌋ and r = a − q·b rounded once: right as long as q is small and a fused product exact.
template <class V>
struct Division {
  V q, r;
};
template <class V>
KEEN_SCALAR Division<V> divide_down(V a, V b) {
  const V q = scalar::floor(a / b), r = scalar::fma(-q, b, a);
  // a/b may have been rounded up to an integer: then r has the other sign than b.
  const auto too_far = flip_sign(r, b) < V(0);
  return {scalar::select(too_far, q - V(1), q), scalar::select(too_far, r + b, r)};
}
template <class V>
KEEN_SCALAR auto divides_down(V a, V b) {
  const V quotient = magnitude(a / b), divisor = magnitude(b);
  return (quotient < V(Element<V>(Bits32(1) << 20))) & (divisor < infinity<V>());
}
#if defined(__FMA__) || defined(__CUDACC_RTC__)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

/// ⌊a/b⌋.
template <class V>
KEEN_SCALAR V floor_divide(V a, V b) {
  if constexpr (!is_float<V>) {
    return scalar::lanewise(FloorDivide{}, a, b);
  } else {
    const auto simple = divides_down(a, b);
    if (has_fma && scalar::all(simple)) return divide_down(a, b).q;
    return scalar::lanewise(LibraryFloorDivide{}, a, b);
  }
}
/// a − b⌊a/b⌋, with the sign of b.
template <class V>
KEEN_SCALAR V mod(V a, V b) {
  if constexpr (!is_float<V>) {
    return scalar::lanewise(Mod{}, a, b);
  } else {
    const auto simple = divides_down(a, b);
    if (has_fma && scalar::all(simple)) {
      const V r = divide_down(a, b).r;
      return scalar::select(r == V(0), with_sign(r, b), r);
    }
    return scalar::lanewise(LibraryMod{}, a, b);
  }
}

}  // namespace KEEN_ISA
}  // namespace keen::scalar
