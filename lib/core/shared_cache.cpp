#include "core/shared_cache.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace keen::detail {

void* system_block(std::size_t bytes) noexcept {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  if (bytes > largest_block) return nullptr;
  const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* block = std::aligned_alloc(alignment, rounded);
  if (block && bytes >= huge_page) madvise(block, rounded, MADV_HUGEPAGE);
  return block;
}

void* SharedCache::take(SizeClass size) noexcept {
  std::lock_guard lock(mutex_);
  FreeBlock*& list = lists_[size.index];
  FreeBlock* block = list;
  if (block) {
    list = block->next;
    bytes_ -= static_cast<std::int64_t>(size.bytes);
  }
  return block;
}

void SharedCache::put(void* block, SizeClass size) noexcept {
  const auto bytes = static_cast<std::int64_t>(size.bytes);
  if (!KEEN_CACHES_MEMORY || bytes_.load() + bytes > limit) return std::free(block);
  std::lock_guard lock(mutex_);
  FreeBlock*& list = lists_[size.index];
  list = new (block) FreeBlock{list};
  bytes_ += bytes;
}

void SharedCache::empty() noexcept {
  std::lock_guard lock(mutex_);
  for (auto& list : lists_)
    while (FreeBlock* block = list) {
      list = block->next;
      std::free(block);
    }
  bytes_ = 0;
}

}  // namespace keen::detail
