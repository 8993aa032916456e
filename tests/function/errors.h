// Errors as text, for the tests of this room.
#pragma once
#include <source_location>
#include <string>

#include "keen/error.h"

namespace keen::test {

/// The message of what f throws; "" if nothing.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// What errors of traces and replays end with, for a line of the file that asks.
inline std::string traced_at(unsigned line, const std::source_location& file = std::source_location::current()) {
  const std::string name = file.file_name();
  return " (traced at " + name.substr(name.rfind('/') + 1) + ':' + std::to_string(line) + ')';
}

}  // namespace keen::test
