// Errors that pass from an operation to the one it serves.
#include "core/message.h"

#include <algorithm>
#include <string_view>

namespace keen::detail {
namespace {

template <class E>
void throw_if(const Error& error, const std::string& what) {
  if (dynamic_cast<const E*>(&error)) throw E(what);
}

template <class... Kinds>
[[noreturn]] void throw_as_one_of(const Error& error, const std::string& what) {
  (throw_if<Kinds>(error, what), ...);
  throw Error(what);
}

}  // namespace

constinit thread_local const char* Calling::current_ = nullptr;

std::string renamed(const char* operation, const Error& error) {
  std::string_view what = error.what();
  if (what.starts_with('[') && !what.starts_with("[allocate]"))
    what.remove_prefix(std::min(what.find("] ") + 2, what.size()));
  return text('[', operation, "] ", what);
}

void rethrow_as(const char* operation, const Error& error) {
  throw_as_one_of<
      ShapeError, DTypeError, DeviceError, IndexError, OutOfMemory, IoError, FormatError, UsageError, InternalError>(
      error, renamed(operation, error));
}

}  // namespace keen::detail
