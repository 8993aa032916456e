// The functors: scalar::functor::exp and so on, one for each line of functions.def.
#pragma once
#include "scalar/arithmetic.h"
#include "scalar/erf.h"
#include "scalar/exp_log.h"
#include "scalar/gelu.h"
#include "scalar/hyperbolic.h"
#include "scalar/power.h"
#include "scalar/trigonometric.h"

namespace keen::scalar {
inline namespace KEEN_ISA {

// The type classes of functions.def.
template <class T>
inline constexpr bool accepts_any = true;
template <class T>
inline constexpr bool accepts_boolean = is_boolean<T>;
template <class T>
inline constexpr bool accepts_numeric = !is_boolean<T>;
template <class T>
inline constexpr bool accepts_floating = Number<T>::is_floating;

namespace functor {
#define KEEN_UNARY(name, types, cost, body)             \
  struct name {                                         \
    template <class V>                                  \
    KEEN_SCALAR V operator()(V x) const {               \
      return body;                                      \
    }                                                   \
    template <class T>                                  \
    static constexpr bool accepts = accepts_##types<T>; \
  };
#define KEEN_BINARY(name, types, cost, body)            \
  struct name {                                         \
    template <class V>                                  \
    KEEN_SCALAR V operator()(V a, V b) const {          \
      return body;                                      \
    }                                                   \
    template <class T>                                  \
    static constexpr bool accepts = accepts_##types<T>; \
  };
#define KEEN_PREDICATE(name, types, cost, body)         \
  struct name {                                         \
    template <class V>                                  \
    KEEN_SCALAR auto operator()(V x) const {            \
      return body;                                      \
    }                                                   \
    template <class T>                                  \
    static constexpr bool accepts = accepts_##types<T>; \
  };
#define KEEN_COMPARISON(name, types, cost, body)        \
  struct name {                                         \
    template <class V>                                  \
    KEEN_SCALAR auto operator()(V a, V b) const {       \
      return body;                                      \
    }                                                   \
    template <class T>                                  \
    static constexpr bool accepts = accepts_##types<T>; \
  };
#include "scalar/functions.def"
#undef KEEN_UNARY
#undef KEEN_BINARY
#undef KEEN_PREDICATE
#undef KEEN_COMPARISON
}  // namespace functor

}  // namespace KEEN_ISA
}  // namespace keen::scalar
