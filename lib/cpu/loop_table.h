// Builds the table of one dtype's loops from functions.def.
#pragma once
#include "cpu/vector_loop.h"

namespace keen::detail::cpu::KEEN_ISA {

struct LoopTable {
  Loop loops[scalar::function_count];
};

template <class F, class T>
constexpr Loop unary_loop() {
  if constexpr (!F::template accepts<T>) return nullptr;
  else if constexpr (scalar::is_float<T>) return vector_unary<F, T>;
  else return plain_unary<F, T, T>;
}
template <class F, class T>
constexpr Loop binary_loop() {
  if constexpr (!F::template accepts<T>) return nullptr;
  else if constexpr (scalar::is_float<T>) return vector_binary<F, T>;
  else return plain_binary<F, T, T>;
}
template <class F, class T>
constexpr Loop predicate_loop() {
  if constexpr (!F::template accepts<T>) return nullptr;
  else return plain_unary<F, bool, T>;
}
template <class F, class T>
constexpr Loop comparison_loop() {
  if constexpr (!F::template accepts<T>) return nullptr;
  else return plain_binary<F, bool, T>;
}

template <class T>
inline constexpr LoopTable loop_table = {{
#define KEEN_UNARY(name, types, cost, body) unary_loop<scalar::functor::name, T>(),
#define KEEN_BINARY(name, types, cost, body) binary_loop<scalar::functor::name, T>(),
#define KEEN_PREDICATE(name, types, cost, body) predicate_loop<scalar::functor::name, T>(),
#define KEEN_COMPARISON(name, types, cost, body) comparison_loop<scalar::functor::name, T>(),
#include "scalar/functions.def"
#undef KEEN_UNARY
#undef KEEN_BINARY
#undef KEEN_PREDICATE
#undef KEEN_COMPARISON
}};

}  // namespace keen::detail::cpu::KEEN_ISA
