// Backend: what a device must offer. The CPU's is built in; CUDA's comes from a plugin.
#pragma once
#include <cstddef>

#include "core/op.h"

namespace keen::detail {

class Backend {
 public:
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void deallocate(void* block, std::size_t bytes) noexcept = 0;
  virtual void copy_from_host(void* to, const void* from, std::size_t bytes) = 0;
  virtual void copy_to_host(void* to, const void* from, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  virtual MemoryStats stats() const = 0;
  virtual void empty_cache() = 0;
  virtual void reset_peak() = 0;
  /// Runs an operation's kernel; an operation without one is a DeviceError that names it.
  virtual void run(KernelCall& call) = 0;

 protected:
  ~Backend() = default;
};

/// The backend of a device. Throws DeviceError, with the reason, for one that is not there.
Backend& backend(Device device);

}  // namespace keen::detail
