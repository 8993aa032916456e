// Data-parallel loops on the one thread pool. Work is claimed in chunks cut by size alone, so that results never
// depend on the number of threads.
#pragma once
#include <cstdint>
#include <type_traits>

namespace keen::detail {

using ChunkFunction = void (*)(void* state, std::int64_t begin, std::int64_t end);
/// Calls f(begin, end) for consecutive chunks of `grain` indices that cover [0, n); the caller works too. The first
/// exception reaches the caller. One chunk, or a call from inside a chunk, runs at once on the caller.
void parallel_chunks(std::int64_t n, std::int64_t grain, ChunkFunction f, void* state);

template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  if (n <= grain) {
    if (n > 0) f(std::int64_t{0}, n);
    return;
  }
  parallel_chunks(
      n, grain, [](void* s, std::int64_t b, std::int64_t e) { (*static_cast<std::remove_reference_t<F>*>(s))(b, e); },
      &f);
}

/// Elements a chunk of simple elementwise work should have.
inline constexpr std::int64_t elementwise_grain = 32768;

}  // namespace keen::detail
