// The one thread pool: oneTBB behind a function pointer.
#include "core/parallel.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "core/message.h"
#include "keen/device.h"
#include "keen/error.h"

namespace keen {
namespace {

constexpr int most_threads = 1024;  // the system may refuse to make many more

int threads_from_environment() {
  const char* text = std::getenv("KEEN_NUM_THREADS");
  int asked = text ? std::atoi(text) : 0;
  return asked > 0 ? std::min(asked, most_threads) : tbb::info::default_concurrency();
}

struct Pool {
  std::mutex mutex;
  int threads = threads_from_environment();
  std::shared_ptr<tbb::task_arena> arena = std::make_shared<tbb::task_arena>(threads);
  // TBB starts at most one worker a core unless told; determinism tests ask for more threads than cores.
  std::unique_ptr<tbb::global_control> control;
};

Pool& pool() {
  static Pool& p = *new Pool;
  return p;
}

std::shared_ptr<tbb::task_arena> arena() {
  std::lock_guard lock(pool().mutex);
  return pool().arena;
}

thread_local bool inside_chunk = false;

}  // namespace

int num_threads() {
  std::lock_guard lock(pool().mutex);
  return pool().threads;
}

void set_num_threads(int threads) {
  if (threads < 1 || threads > most_threads)
    detail::fail<UsageError>("set_num_threads", threads, " threads: from 1 to ", most_threads, " are possible");
  Pool& p = pool();
  std::lock_guard lock(p.mutex);
  p.threads = threads;
  p.control = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, threads);
  p.arena = std::make_shared<tbb::task_arena>(threads);
}

namespace detail {

void parallel_chunks(std::int64_t n, std::int64_t grain, ChunkFunction f, void* state) {
  std::int64_t chunks = (n + grain - 1) / grain;
  auto run = [&](std::int64_t chunk) { f(state, chunk * grain, chunk == chunks - 1 ? n : (chunk + 1) * grain); };
  auto a = arena();
  if (chunks == 1 || inside_chunk || a->max_concurrency() == 1) {
    for (std::int64_t i = 0; i < chunks; ++i) run(i);
    return;
  }
  // Isolated: a waiting thread takes no foreign task under its thread-local scopes.
  a->execute([&] {
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(
          std::int64_t{0}, chunks,
          [&](std::int64_t i) {
            struct Mark {
              bool before = inside_chunk;
              Mark() { inside_chunk = true; }
              ~Mark() { inside_chunk = before; }
            } mark;
            run(i);
          },
          tbb::simple_partitioner());
    });
  });
}

}  // namespace detail
}  // namespace keen
