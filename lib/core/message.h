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

/// The text of an error with `operation` in place of the one that it names.
std::string renamed(const char* operation, const Error& error);

/// While one lives, this thread's operations are parts of a function that the user called. The outermost one counts, and
/// nodes of a trace keep its name, so that errors of their replays bear it too.
class Calling {
 public:
  explicit Calling(const char* function) noexcept : outer_(current_) {
    if (!current_) current_ = function;
  }
  ~Calling() { current_ = outer_; }
  Calling(const Calling&) = delete;
  Calling& operator=(const Calling&) = delete;

  /// Null where an operation is called by itself.
  static const char* current() noexcept { return current_; }

 private:
  friend class CallingAgain;
  __attribute__((tls_model("initial-exec"))) static constinit thread_local const char* current_;
  const char* outer_;
};

/// What was called in a function's name is called again: `function` counts, whatever is called meanwhile.
class CallingAgain {
 public:
  explicit CallingAgain(const char* function) noexcept : outer_(Calling::current_) { Calling::current_ = function; }
  ~CallingAgain() { Calling::current_ = outer_; }
  CallingAgain(const CallingAgain&) = delete;
  CallingAgain& operator=(const CallingAgain&) = delete;

 private:
  const char* outer_;
};

/// Returns f(). Its errors name `operation`, which the user called, instead of those it is made of.
template <class F>
decltype(auto) in_the_name_of(const char* operation, F&& f) {
  const Calling calling(operation);
  try {
    return f();
  } catch (const Error& error) {
    rethrow_as(operation, error);
  }
}

}  // namespace keen::detail
