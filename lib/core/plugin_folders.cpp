#include "core/plugin_folders.h"

#include <dlfcn.h>

#include <cstdlib>

namespace keen::detail {
namespace {

std::vector<std::string> split(const char* list) {
  std::vector<std::string> parts(1);
  for (; *list; ++list) {
    if (*list == ':') parts.emplace_back();
    else parts.back() += *list;
  }
  return parts;
}

}  // namespace

std::vector<std::string> plugin_folders(const char* room) {
  // secure_getenv: a set-uid program must not load code from where its caller says.
  if (const char* path = secure_getenv("KEEN_PLUGIN_PATH")) return split(path);
  Dl_info self{};
  std::string folder = ".";
  if (dladdr(reinterpret_cast<const void*>(&plugin_folders), &self) && self.dli_fname) {
    folder = self.dli_fname;
    const auto slash = folder.rfind('/');
    folder = slash == std::string::npos ? "." : folder.substr(0, slash);
  }
  return {folder, folder + '/' + room, folder + "/keen"};
}

}  // namespace keen::detail
