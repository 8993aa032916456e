// The caching host allocator. Blocks up to 64 KiB are kept per thread; larger ones in one bounded, locked cache.
#include "core/allocator.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "core/context.h"
#include "core/message.h"
#include "core/shared_cache.h"
#include "keen/error.h"

namespace keen::detail {
namespace {

// What a thread keeps to itself.
constexpr std::size_t thread_limit = 64 * 1024;
constexpr int thread_classes = class_of(thread_limit).index + 1;
constexpr std::size_t thread_bytes_per_class = 256 * 1024;
constexpr std::int64_t peak_step = 256 * 1024;  // small blocks of a thread that the peak may miss

struct Central {
  SharedCache large;
  std::mutex mutex;  // of the list of threads
  struct ThreadCache* threads = nullptr;
  std::atomic<std::int64_t> in_use{0}, peak{0}, allocations{0};  // of large blocks, and of ended threads
};

Central& central() {
  static Central& c = *new Central;  // never destroyed: tensors may die after static objects
  return c;
}

// One a thread. Counters are written by their thread only and read by others, hence relaxed atomics. The fast paths
// count blocks alone: what is in use follows from `held`.
struct ThreadCache {
  FreeBlock* lists[thread_classes] = {};
  std::atomic<std::int64_t> counts[thread_classes] = {};  // blocks in each list
  std::atomic<std::int64_t> held{0};                      // bytes taken from the system, less those given back
  std::atomic<std::int64_t> allocations{0};
  ThreadCache *next = nullptr, *previous = nullptr;
  // `testing` keeps no free blocks, so that every allocation takes the slow path and is counted.
  enum class State : std::uint8_t { fresh, live, testing, ended } state = State::fresh;
  std::int64_t until_failure = 0;
  std::int64_t unseen = 0;  // fresh bytes since the peak was last noted
};
constinit KEEN_THREAD_LOCAL ThreadCache thread_cache;

inline void bump(std::atomic<std::int64_t>& counter, std::int64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

void flush(ThreadCache& t) noexcept {
  for (int i = 0; i < thread_classes; ++i) {
    while (FreeBlock* b = t.lists[i]) {
      t.lists[i] = b->next;
      std::free(b);
    }
    bump(t.held, -t.counts[i].load(std::memory_order_relaxed) * class_bytes(i));
    t.counts[i].store(0, std::memory_order_relaxed);
  }
}

std::int64_t cached_bytes(const ThreadCache& t) noexcept {
  std::int64_t sum = 0;
  for (int i = 0; i < thread_classes; ++i) sum += t.counts[i].load(std::memory_order_relaxed) * class_bytes(i);
  return sum;
}

// Lists the thread's cache for statistics and empties it when the thread ends.
struct Registration {
  Registration() {
    auto& c = central();
    std::lock_guard lock(c.mutex);
    thread_cache.next = c.threads;
    if (c.threads) c.threads->previous = &thread_cache;
    c.threads = &thread_cache;
    thread_cache.state = ThreadCache::State::live;
  }
  ~Registration() {
    auto& c = central();
    flush(thread_cache);
    std::lock_guard lock(c.mutex);
    auto& t = thread_cache;
    c.in_use += t.held;  // its cache is empty
    c.allocations += t.allocations;
    (t.previous ? t.previous->next : c.threads) = t.next;
    if (t.next) t.next->previous = t.previous;
    t.state = ThreadCache::State::ended;
  }
};

void register_thread() {
  thread_local Registration registration;
  (void)registration;
}

std::int64_t small_in_use(Central& c) {
  std::int64_t sum = 0;
  for (auto* t = c.threads; t; t = t->next) sum += t->held.load(std::memory_order_relaxed) - cached_bytes(*t);
  return sum;
}

[[noreturn]] void out_of_memory(std::size_t bytes) {
  throw OutOfMemory(text(
      "[allocate] out of memory on cpu:0: ", bytes, " bytes were asked for and ", host_memory_stats().in_use,
      " are in use: take smaller batches, let tensors that are no longer needed go, or leave the tape's scope sooner"));
}

void* allocate_block(SizeClass size, std::size_t bytes) {
  void* block = system_block(size.bytes);
  if (!block) {
    flush(thread_cache);
    central().large.empty();
    block = system_block(size.bytes);
  }
  if (!block) out_of_memory(bytes);
  return block;
}

void note_peak(Central& c, std::int64_t in_use) noexcept {
  std::int64_t peak = c.peak.load(std::memory_order_relaxed);
  while (in_use > peak && !c.peak.compare_exchange_weak(peak, in_use)) {
  }
}

void note_peak(Central& c) noexcept {
  std::lock_guard lock(c.mutex);
  note_peak(c, c.in_use + small_in_use(c));
}

void* allocate_large(SizeClass size, std::size_t bytes) {
  auto& c = central();
  void* block = c.large.take(size);
  if (!block) block = allocate_block(size, bytes);
  c.allocations.fetch_add(1, std::memory_order_relaxed);
  c.in_use.fetch_add(static_cast<std::int64_t>(size.bytes));
  note_peak(c);
  return block;
}

[[gnu::noinline]] void* allocate_slow(SizeClass size, std::size_t bytes) {
  auto& t = thread_cache;
  if (bytes > largest_block) out_of_memory(bytes);
  if (t.state == ThreadCache::State::testing && t.until_failure > 0 && --t.until_failure == 0) out_of_memory(bytes);
  if (size.bytes > thread_limit) return allocate_large(size, bytes);
  if (t.state == ThreadCache::State::fresh) register_thread();
  void* block = allocate_block(size, bytes);
  bump(t.held, static_cast<std::int64_t>(size.bytes));
  bump(t.allocations, 1);
  if ((t.unseen += static_cast<std::int64_t>(size.bytes)) >= peak_step) {
    t.unseen = 0;
    note_peak(central());
  }
  return block;
}

[[gnu::noinline]] void deallocate_slow(void* block, SizeClass size) noexcept {
  auto bytes = static_cast<std::int64_t>(size.bytes);
  if (size.bytes <= thread_limit) {
    auto& t = thread_cache;
    if (t.state == ThreadCache::State::fresh) register_thread();
    bump(t.state == ThreadCache::State::ended ? central().in_use : t.held, -bytes);
    return std::free(block);
  }
  central().in_use -= bytes;
  central().large.put(block, size);
}

}  // namespace

void* allocate(std::size_t bytes) {
  SizeClass size = class_of(bytes);
  if (size.index < thread_classes) [[likely]] {
    auto& t = thread_cache;
    if (FreeBlock* b = t.lists[size.index]) [[likely]] {
      t.lists[size.index] = b->next;
      bump(t.counts[size.index], -1);
      bump(t.allocations, 1);
      return b;
    }
  }
  return allocate_slow(size, bytes);
}

void deallocate(void* block, std::size_t bytes) noexcept {
  SizeClass size = class_of(bytes);
  if (size.index < thread_classes) [[likely]] {
    auto& t = thread_cache;
    const auto cached = static_cast<std::size_t>(t.counts[size.index].load(std::memory_order_relaxed)) * size.bytes;
    if (KEEN_CACHES_MEMORY && t.state == ThreadCache::State::live && cached < thread_bytes_per_class) [[likely]] {
      auto* b = static_cast<FreeBlock*>(block);
      b->next = t.lists[size.index];
      t.lists[size.index] = b;
      bump(t.counts[size.index], 1);
      return;
    }
  }
  deallocate_slow(block, size);
}

MemoryStats host_memory_stats() noexcept {
  auto& c = central();
  std::lock_guard lock(c.mutex);
  MemoryStats s;
  s.in_use = c.in_use + small_in_use(c);
  s.cached = c.large.bytes();
  s.allocations = c.allocations;
  for (auto* t = c.threads; t; t = t->next) {
    s.cached += cached_bytes(*t);
    s.allocations += t->allocations.load(std::memory_order_relaxed);
  }
  note_peak(c, s.in_use);
  s.peak = c.peak;
  return s;
}

void empty_host_cache() noexcept {
  flush(thread_cache);
  central().large.empty();
}

std::int64_t fail_allocation(std::int64_t k) noexcept {
  auto& t = thread_cache;
  if (t.state == ThreadCache::State::fresh) register_thread();
  flush(t);
  t.state = k > 0 ? ThreadCache::State::testing : ThreadCache::State::live;
  return std::exchange(t.until_failure, k);
}

void reset_host_peak() noexcept {
  auto& c = central();
  c.peak = 0;
  host_memory_stats();
}

}  // namespace keen::detail
