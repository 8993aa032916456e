// The caching allocator of host memory: size classes, a thread-local fast path, huge pages for large blocks.
#pragma once
#include <cstddef>
#include <cstdint>

#include "keen/device.h"

namespace keen::detail {

/// A block of at least `bytes`, 64-byte aligned, uninitialised. Throws OutOfMemory after emptying the cache.
void* allocate(std::size_t bytes);
/// Gives back a block of that request size.
void deallocate(void* block, std::size_t bytes) noexcept;

MemoryStats host_memory_stats() noexcept;
void empty_host_cache() noexcept;
void reset_host_peak() noexcept;

/// For tests: the k-th allocation of this thread from now on throws OutOfMemory, once. k = 0 calls it off. Gives the
/// number that was left: 0 when it has thrown.
std::int64_t fail_allocation(std::int64_t k) noexcept;

}  // namespace keen::detail
