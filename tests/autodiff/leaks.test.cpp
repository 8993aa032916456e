// Long runs: neither a million small operations nor a hundred thousand tapes make the process grow.
#include <unistd.h>

#include <fstream>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/optimizers/optimizers.h"

using namespace keen;

namespace {

// Under a sanitizer the process grows by what the sanitizer keeps; leaks are its own business there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool measures = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool measures = false;
#else
constexpr bool measures = true;
#endif
#else
constexpr bool measures = true;
#endif

// Kibibytes of the process in memory.
long resident() {
  std::ifstream in("/proc/self/statm");
  long pages = 0;
  in >> pages >> pages;
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

// Runs `step` that many times after a warm-up; Keen's own count must not move, the process must not grow by 1 MB.
template <class F>
void check_growth(int steps, F&& step) {
  for (int i = 0; i < steps / 100; ++i) step(i);
  const std::int64_t in_use = memory_stats().in_use;
  const long before = resident();
  for (int i = 0; i < (measures ? steps : steps / 100); ++i) step(i);
  CHECK(memory_stats().in_use == in_use);
  if (measures) CHECK(resident() - before < 1000);
}

}  // namespace

TEST_CASE("a million small operations leave nothing behind", "[leaks]") {
  Tensor x = ones({4, 4}), row = constant({1.f, 2.f, 3.f, 4.f});
  check_growth(250'000, [&](int i) {
    Tensor y = x * 0.5f + row;
    y = i % 8 ? y / 2 : transpose(exp(y))[1] + sum(y, 0);
  });
}

TEST_CASE("a hundred thousand tapes leave nothing behind", "[leaks]") {
  Variable w(constant({0.5f, -0.5f, 0.25f}), {.name = "w"});
  const Tensor x = constant({1.f, 2.f, 3.f});
  check_growth(100'000, [&](int) {
    GradientTape tape;
    Tensor loss = sum(square(w * x));
    w.assign_sub(tape.gradient(loss, w) * 0.01f);
  });
}

TEST_CASE("tapes of every kind, errors and optimizers leave nothing behind", "[leaks]") {
  Variable table(ones({10, 4}));
  const Tensor rows = constant({1, 3, 3}), x = constant({1.f, 2.f});
  optimizers::Adam adam(1e-3);
  check_growth(4'000, [&](int i) {
    {
      GradientTape tape({.persistent = true});  // records its own gradient: a cycle if anything held the tape
      tape.watch(x);
      Tensor y = x * x;
      tape.gradient(tape.gradient(y, x), x);
    }
    GradientTape outer, inner;
    Tensor loss = sum(square(gather(table.value(), rows)));
    adam.apply_gradients({inner.gradient(loss, table)}, {table});
    try {
      Tensor wrong = x + constant({1.f, 2.f, 3.f});
    } catch (const ShapeError&) {
    }
    if (i % 4 == 0) optimizers::SGD(0.1, {.momentum = 0.5}).apply_gradients({x}, {Variable(zeros({2}))});
  });
}
