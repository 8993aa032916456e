// SharedCache: blocks of memory that no thread keeps to itself, bounded, and where they come from: the system.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/size_class.h"

// Under a sanitizer every block comes from malloc and goes back, so that misuse is seen.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEN_CACHES_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEN_CACHES_MEMORY false
#endif
#endif
#ifndef KEEN_CACHES_MEMORY
#define KEEN_CACHES_MEMORY true
#endif

namespace keen::detail {

/// The first bytes of a block that waits for its next use.
struct FreeBlock {
  FreeBlock* next;
};

/// The largest request that is tried at all.
inline constexpr std::size_t largest_block = std::size_t{1} << 47;

/// A block of the system's, 64-byte aligned, large ones in huge pages; null where there is none. For std::free.
void* system_block(std::size_t bytes) noexcept;

/// Free blocks by size class. Any thread may call.
class SharedCache {
 public:
  /// A block of the class, or null.
  void* take(SizeClass size) noexcept;
  /// Keeps the block, or frees it where that would be too many bytes.
  void put(void* block, SizeClass size) noexcept;
  void empty() noexcept;
  std::int64_t bytes() const noexcept { return bytes_.load(); }

 private:
  static constexpr std::int64_t limit = std::int64_t{4} << 30;

  std::mutex mutex_;
  FreeBlock* lists_[size_classes] = {};
  std::atomic<std::int64_t> bytes_{0};
};

}  // namespace keen::detail
