// Looking for a GPU: a cheap probe of the driver, then the CUDA plugin.
#include "core/plugins.h"

#include <dlfcn.h>

namespace keen {
namespace detail {
namespace {

struct Gpus {
  std::vector<Backend*> backends;
  std::string reason;
};

Gpus find_gpus() {
  Gpus found;
  // The driver is only asked for, never linked: one build runs with and without it.
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver) {
    found.reason = "this machine has no NVIDIA driver (libcuda.so.1 is not found)";
    return found;
  }
  found.reason =
      "this build of Keen has no CUDA backend yet (libkeen_cuda.so generates kernels, but does not run them)";
  return found;
}

const Gpus& gpus() {
  static const Gpus found = find_gpus();
  return found;
}

}  // namespace

const std::vector<Backend*>& gpu_backends() { return gpus().backends; }

}  // namespace detail

std::string why_no_gpu() { return detail::gpus().reason; }

}  // namespace keen
