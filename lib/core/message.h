// Error texts: "[operation] parts...".
#pragma once
#include <sstream>
#include <string>

namespace keen::detail {

/// Joins anything printable.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// Throws `E` with the text "[operation] parts".
template <class E, class... Parts>
[[noreturn]] void fail(const char* operation, const Parts&... parts) {
  throw E(text('[', operation, "] ", parts...));
}

}  // namespace keen::detail
