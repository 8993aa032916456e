// Finds and opens libkeen_math.so.
#include "math/loader.h"

#include <dlfcn.h>

#include <string>

#include "core/message.h"
#include "core/plugin_folders.h"
#include "keen/error.h"

namespace keen::detail {
namespace {

constexpr const char* plugin_file = "libkeen_math.so";

int open_flags() {
  int flags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
  // A program linked with libtorch brings a BLAS and a oneDNN of its own, of another version, into the global scope.
  // The plugin's libraries must find themselves first. The sanitizers' runtime refuses that, and replaces no BLAS.
  if (!dlsym(RTLD_DEFAULT, "__asan_init") && !dlsym(RTLD_DEFAULT, "__tsan_init")) flags |= RTLD_DEEPBIND;
  return flags;
}

const KeenMathLibrary& open_library() {
  std::string tried;
  for (const std::string& folder : plugin_folders("math")) {
    const std::string path = folder + '/' + plugin_file;
    void* handle = dlopen(path.c_str(), open_flags());
    if (!handle) {
      const char* reason = dlerror();
      tried += text("\n  ", reason ? reason : path.c_str());
      continue;
    }
    auto entry = reinterpret_cast<decltype(&keen_math_library)>(dlsym(handle, "keen_math_library"));
    const KeenMathLibrary* library = entry ? entry() : nullptr;
    if (library && library->abi == KEEN_MATH_ABI) return *library;
    fail<UsageError>(
        "math", path, " belongs to another version of Keen (interface ", library ? library->abi : 0,
        ", this one needs ", KEEN_MATH_ABI, "): install both from one build");
  }
  fail<UsageError>(
      "math", plugin_file,
      " cannot be opened; it belongs beside libkeen.so, or KEEN_PLUGIN_PATH names its folder:", tried);
}

}  // namespace

const KeenMathLibrary& math_library() {
  static const KeenMathLibrary& library = open_library();
  return library;
}

}  // namespace keen::detail
