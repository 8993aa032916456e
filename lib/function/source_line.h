// The user's lines: where an operation of a trace stands in the program.
#pragma once
#include <source_location>
#include <string>

#include "keen/error.h"

namespace keen::detail {

/// Is it a place outside the library itself?
bool is_users(const std::source_location& where) noexcept;
/// "model.cpp:12"; empty for a place inside the library.
std::string to_string(const std::source_location& where);
/// Throws the error that is being handled again, of its own kind, with "(traced at model.cpp:12)" behind its text: the
/// innermost place that was known, so that a text which has one stays.
[[noreturn]] void rethrow_with_line(const Error& error, const std::source_location& where);

/// What the user called, and where, for an operation of a trace.
struct Origin {
  const char* function = nullptr;  // that the operation is a part of, if any
  std::source_location where = {};
};
/// The same for an error of a replay: it names the function that the user called, and the line of the trace.
[[noreturn]] void rethrow_from(const Error& error, const Origin& origin);

}  // namespace keen::detail
