// The caching allocator of host memory: size classes, a thread-local fast path, huge pages for large blocks.
#pragma once
#include <cstddef>

#include "keen/device.h"

namespace keen::detail {

/// A block of at least `bytes`, 64-byte aligned, uninitialised. Throws OutOfMemory after emptying the cache.
void* allocate(std::size_t bytes);
/// Gives back a block of that request size.
void deallocate(void* block, std::size_t bytes) noexcept;

MemoryStats host_memory_stats() noexcept;
void empty_host_cache() noexcept;
void reset_host_peak() noexcept;

}  // namespace keen::detail
