// Threads: tensors are read, viewed and freed from any of them, and their number can change at any time.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <thread>

#include "catch.h"
#include "core/parallel.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;

namespace {

// Runs f(i) on `count` threads that start together; the first exception is thrown on.
template <class F>
void on_threads(int count, F&& f) {
  std::barrier start(count);
  std::vector<std::thread> threads;
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        f(i);
      } catch (...) {
        errors[static_cast<std::size_t>(i)] = std::current_exception();
      }
    });
  for (auto& t : threads) t.join();
  for (auto& e : errors)
    if (e) std::rethrow_exception(e);
}

// Restores the number of threads.
struct Threads {
  explicit Threads(int count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before); }
  int before = num_threads();
};

}  // namespace

TEST_CASE("one tensor is read, viewed and computed with from several threads", "[threads]") {
  const Tensor x = reshape(range(60000), {200, 300}).cast(float32), column = x(all_of, 7);
  const float wanted = sum(exp(column * 1e-5f)).item<float>();
  std::atomic<int> right{0};
  on_threads(4, [&](int) {
    for (int k = 0; k < 50; ++k) {
      Tensor view = transpose(x)[7], copy = x;
      right += sum(exp(view * 1e-5f)).item<float>() == wanted && copy.span<float>()[7] == 7;
    }
  });
  CHECK(right == 200);
}

TEST_CASE("tensors are freed on other threads than they were made on", "[threads]") {
  const std::int64_t in_use = memory_stats().in_use;
  std::vector<std::vector<Tensor>> made(4);
  on_threads(4, [&](int i) {
    for (std::int64_t k = 0; k < 300; ++k) made[static_cast<std::size_t>(i)].push_back(full({k * 40}, i));
  });
  CHECK(memory_stats().in_use > in_use);
  std::atomic<bool> whole{true};
  on_threads(4, [&](int i) {
    auto& others = made[static_cast<std::size_t>((i + 1) % 4)];
    for (auto& t : others)
      for (int v : t.span<int>())
        if (v != (i + 1) % 4) whole = false;
    others.clear();
  });
  CHECK(whole);
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("the last of many holders on several threads frees once", "[threads]") {
  std::atomic<int> deleted{0};
  std::vector<float> mine(100, 1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Tensor> holders(4, from_buffer(mine.data(), {100}, [&] { ++deleted; }));
    on_threads(4, [&](int i) {
      Tensor& own = holders[static_cast<std::size_t>(i)];
      Tensor view = own(slice(i, 50));
      own = Tensor();
      view = view[0];
    });
    CHECK(deleted == round + 1);
  }
}

TEST_CASE("the number of threads changes between operations and changes no result", "[threads]") {
  const Tensor x = random::normal({500, 700}, {.seed = 1});
  auto compute = [&] { return matmul(softplus(x), transpose(x)) / sum(x * x); };
  Tensor wanted;
  {
    Threads one(1);
    CHECK(num_threads() == 1);
    wanted = compute();
  }
  for (int threads : {4, 2, 3, 1, 4}) {
    Threads some(threads);
    CHECK(num_threads() == threads);
    CHECK(array_equal(compute(), wanted));
  }
}

TEST_CASE("several threads compute at once while the number of threads changes", "[threads]") {
  Threads restored(2);
  const Tensor x = random::uniform({300'000}, {.seed = 1});
  const float wanted = sum(exp(x)).item<float>();
  std::atomic<int> right{0};
  on_threads(4, [&](int i) {
    for (int k = 0; k < 10; ++k) {
      if (i == 0) set_num_threads(1 + k % 4);
      else right += sum(exp(x)).item<float>() == wanted;
    }
  });
  CHECK(right == 30);
}

TEST_CASE("loops cover every index once, with any number of threads", "[threads]") {
  for (int threads : {1, 2, 4}) {
    Threads some(threads);
    for (std::int64_t n : {0, 1, 99, 100, 101, 12345}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
      std::atomic<bool> in_chunks{true};
      detail::parallel_for(n, 100, [&](std::int64_t begin, std::int64_t end) {
        if (begin % 100 != 0 || end - begin > 100 || begin >= end) in_chunks = false;
        for (auto i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      CHECK(in_chunks);
      CHECK(std::all_of(seen.begin(), seen.end(), [](auto& count) { return count == 1; }));
    }
  }
}

TEST_CASE("an exception inside a loop reaches the caller, and loops nest", "[threads]") {
  Threads four(4);
  CHECK_THROWS_AS(
      detail::parallel_for(
          1000, 10,
          [](std::int64_t begin, std::int64_t) {
            if (begin == 500) throw IndexError("in a chunk");
          }),
      IndexError);
  const Tensor x = zeros({100'000}), rows = full({100'000}, 100'000);
  CHECK_THROWS_AS(gather(x, rows), IndexError);  // raised in a kernel's chunk
  std::atomic<std::int64_t> count{0};
  detail::parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
    detail::parallel_for(1000, 10, [&](std::int64_t begin, std::int64_t end) { count += end - begin; });
  });
  CHECK(count == 8000);
}

TEST_CASE("scopes and tapes of one thread do not reach into another", "[threads]") {
  const Tensor x = constant(3.f);
  on_threads(2, [&](int i) {
    for (int k = 0; k < 200; ++k) {
      GradientTape tape;
      tape.watch(x);
      Tensor y = i == 0 ? x * x : x * x * x;
      if (tape.gradient(y, x).item<float>() != (i == 0 ? 6 : 27)) throw InternalError("tapes met");
    }
  });
}
