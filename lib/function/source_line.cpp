#include "function/source_line.h"

#include <cstring>
#include <functional>

#include "core/message.h"

// The linker's names for both ends of the image that this file is linked into: libkeen.so.
extern "C" {
[[gnu::visibility("hidden")]] extern const char __ehdr_start[];
[[gnu::visibility("hidden")]] extern const char _end[];
}

namespace keen::detail {

// A place in the library has its file's name among the library's constants, whatever the file is called. Headers, Keen's
// and the standard library's (which calls what a std::function holds), are compiled into the program.
bool is_users(const std::source_location& where) noexcept {
  const char* name = where.file_name();
  const std::less<const char*> before;
  return *name && (before(name, __ehdr_start) || !before(name, _end)) && !std::strstr(name, "include/keen/") &&
         !std::strstr(name, "include/c++/");
}

std::string to_string(const std::source_location& where) {
  if (!is_users(where)) return {};
  const std::string file = where.file_name();
  return text(file.substr(file.rfind('/') + 1), ':', where.line());
}

namespace {

template <class E>
void rethrow_as(const Error& error, const std::string& message) {
  if (dynamic_cast<const E*>(&error)) throw E(message);
}

/// Where an error was thrown in a trace or a replay, texts end with this.
constexpr std::string_view place = " (traced at ";

bool has_place(const Error& error) {
  const std::string_view what = error.what();
  return what.ends_with(')') && what.find(place) != what.npos;
}

[[noreturn]] void rethrow(const Error& error, const std::string& message) {
  rethrow_as<ShapeError>(error, message);
  rethrow_as<DTypeError>(error, message);
  rethrow_as<DeviceError>(error, message);
  rethrow_as<IndexError>(error, message);
  rethrow_as<UsageError>(error, message);
  throw;
}

}  // namespace

void rethrow_with_line(const Error& error, const std::source_location& where) {
  const std::string line = to_string(where);
  if (line.empty() || has_place(error)) throw;
  rethrow(error, text(error.what(), place, line, ')'));
}

void rethrow_from(const Error& error, const Origin& origin) {
  const std::string line = to_string(origin.where);
  if (has_place(error) || (line.empty() && !origin.function)) throw;
  const std::string what = origin.function ? renamed(origin.function, error) : error.what();
  rethrow(error, line.empty() ? what : text(what, place, line, ')'));
}

}  // namespace keen::detail
