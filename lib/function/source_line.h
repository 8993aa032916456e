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
/// Throws the error again, of its own kind, with "(traced at model.cpp:12)" behind its text.
[[noreturn]] void rethrow_with_line(const Error& error, const std::source_location& where);

}  // namespace keen::detail
