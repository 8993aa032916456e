#include "cuda/nvrtc.h"

#include <dlfcn.h>

#include <cstdlib>
#include <memory>

#include "core/message.h"
#include "cuda/source.h"
#include "fusion/embedded.h"
#include "keen/error.h"

namespace keen::detail {

std::span<const EmbeddedFile> scalar_headers() noexcept;  // lib/scalar, by scripts/embed.py

namespace cuda {
namespace {

using Program = struct Opaque*;
using Result = int;  // 0 is success

}  // namespace

// The calls Keen uses, as NVRTC's documentation declares them.
struct Nvrtc::Functions {
  Result (*create)(
      Program*, const char* source, const char* name, int headers, const char* const* texts,
      const char* const* names) = nullptr;
  Result (*compile)(Program, int options, const char* const* option) = nullptr;
  Result (*destroy)(Program*) = nullptr;
  Result (*cubin_size)(Program, std::size_t*) = nullptr;
  Result (*cubin)(Program, char*) = nullptr;
  Result (*log_size)(Program, std::size_t*) = nullptr;
  Result (*log)(Program, char*) = nullptr;
  Result (*version)(int* major, int* minor) = nullptr;
  const char* (*error)(Result) = nullptr;
  std::string why_not;

  Functions() {
    void* library = open();
    if (!library) {
      why_not = "NVRTC (libnvrtc.so of CUDA 12 or 13) is not found";
      return;
    }
    const auto load = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      if (!function) why_not = text("libnvrtc.so lacks ", name);
    };
    load(create, "nvrtcCreateProgram");
    load(compile, "nvrtcCompileProgram");
    load(destroy, "nvrtcDestroyProgram");
    load(cubin_size, "nvrtcGetCUBINSize");
    load(cubin, "nvrtcGetCUBIN");
    load(log_size, "nvrtcGetProgramLogSize");
    load(log, "nvrtcGetProgramLog");
    load(version, "nvrtcVersion");
    load(error, "nvrtcGetErrorString");
  }

 private:
  /// Where the loader looks, then where the toolkit's own installer puts it.
  static void* open() {
    std::vector<std::string> folders{""};
    if (const char* home = std::getenv("CUDA_HOME")) folders.push_back(text(home, "/lib64/"));
    folders.emplace_back("/usr/local/cuda/lib64/");
    for (const auto& folder : folders)
      for (const char* name : {"libnvrtc.so.13", "libnvrtc.so.12"})
        if (void* library = dlopen((folder + name).c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    return nullptr;
  }
};

const Nvrtc::Functions& Nvrtc::functions() {
  static const Functions& opened = *new Functions;
  return opened;
}

const std::string& Nvrtc::why_not() { return functions().why_not; }

const Nvrtc& Nvrtc::get() {
  if (!why_not().empty()) fail<DeviceError>("cuda", why_not());
  static const Nvrtc compiler(functions());
  return compiler;
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  f_.version(&major, &minor);
  return text(major, '.', minor);
}

std::vector<char> Nvrtc::compile(const std::string& source, const std::string& architecture) const {
  std::vector<const char*> texts{launch_header}, names{"keen/launch.h"};
  for (const auto& file : scalar_headers()) {
    names.push_back(file.name);
    texts.push_back(file.begin);
  }
  const auto require = [&](Result result, const char* what) {
    if (result != 0) fail<InternalError>("cuda", "NVRTC: ", what, ": ", f_.error(result));
  };
  Program made = nullptr;
  require(
      f_.create(&made, source.c_str(), "kernel.cu", static_cast<int>(texts.size()), texts.data(), names.data()),
      "create");
  const auto destroy = [this](Program program) { f_.destroy(&program); };
  const std::unique_ptr<Opaque, decltype(destroy)> program(made, destroy);

  // No contraction behind our back: the same text gives the same bits as on the CPU.
  const std::string target = "--gpu-architecture=" + architecture;
  const char* options[] = {target.c_str(), "--std=c++17", "--fmad=false", "--device-as-default-execution-space"};
  const Result result = f_.compile(program.get(), std::size(options), options);
  if (result != 0) {
    std::size_t size = 0;
    f_.log_size(program.get(), &size);
    std::string log(size, '\0');
    f_.log(program.get(), log.data());
    fail<InternalError>("cuda", "NVRTC: ", f_.error(result), "\n", log.c_str(), "\n", source);
  }
  std::size_t size = 0;
  require(f_.cubin_size(program.get(), &size), "cubin size");
  std::vector<char> cubin(size);
  require(f_.cubin(program.get(), cubin.data()), "cubin");
  return cubin;
}

}  // namespace cuda
}  // namespace keen::detail
