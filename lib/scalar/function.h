// The names of all scalar functions, read from functions.def.
#pragma once
#include <cstdint>

namespace keen::scalar {

/// How a function's result type follows from its operands' type T.
enum class Kind : std::uint8_t { unary, binary, predicate, comparison };

enum class Function : std::uint8_t {
#define KEEN_UNARY(name, types, cost, body) name,
#define KEEN_BINARY(name, types, cost, body) name,
#define KEEN_PREDICATE(name, types, cost, body) name,
#define KEEN_COMPARISON(name, types, cost, body) name,
#include "scalar/functions.def"
#undef KEEN_UNARY
#undef KEEN_BINARY
#undef KEEN_PREDICATE
#undef KEEN_COMPARISON
  none,
};
inline constexpr int function_count = static_cast<int>(Function::none);

}  // namespace keen::scalar
