// A tape as long as memory allows: nothing recurses.
#include <pthread.h>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"

using namespace keen;

namespace {

struct Run {
  int operations;
  float first = 0, second = 0;
};

// y = x·(1 + 0·y)… differentiated twice: a chain of additions and one square.
void* deep(void* argument) {
  Run& run = *static_cast<Run*>(argument);
  Tensor x = constant(2.f), zero = constant(0.f);
  GradientTape outer;
  outer.watch(x);
  Tensor dy;
  {
    GradientTape inner;
    inner.watch(x);
    Tensor y = x * x;
    for (int i = 0; i < run.operations; ++i) y = y + zero;
    dy = inner.gradient(y, x);
  }
  run.first = dy.item<float>();
  run.second = outer.gradient(dy, x).item<float>();
  return nullptr;
}

}  // namespace

TEST_CASE("a million operations are recorded, differentiated twice and freed on a stack of 256 KB", "[tape][slow]") {
  Run run{1'000'000};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, deep, &run) == 0);
  pthread_join(thread, nullptr);
  CHECK(run.first == 4);
  CHECK(run.second == 2);
}
