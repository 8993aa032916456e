// Files that the build puts into a library, byte for byte.
#pragma once
#include <span>
#include <string_view>

namespace keen::detail {

/// A name and the content, behind which stands a zero byte.
struct EmbeddedFile {
  const char* name;
  const char *begin, *end;
  std::string_view content() const noexcept { return {begin, end}; }
};

}  // namespace keen::detail
