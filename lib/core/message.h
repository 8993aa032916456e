// Error texts: "[operation] parts...".
#pragma once
#include <sstream>
#include <string>

#include "keen/error.h"

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

/// Throws `error` again, as its own kind, with `operation` in place of the one its text names.
[[noreturn]] void rethrow_as(const char* operation, const Error& error);

/// Returns f(). Its errors name `operation`, which the user called, instead of those it is made of.
template <class F>
decltype(auto) in_the_name_of(const char* operation, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    rethrow_as(operation, error);
  }
}

}  // namespace keen::detail
