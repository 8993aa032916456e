// Operations on 16 numbers or fewer, where all time is the library's own.
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {

using namespace keen;

void add_small(Suite& suite) {
  suite.add("add16_ns", "ns", [](const Timer& timer) {
    const Tensor a = random::normal({16}), b = random::normal({16});
    return timer.ns([&] { keep(a + b); });
  });
  suite.add("add16_grad_ns", "ns", [](const Timer& timer) {
    const Tensor a = random::normal({16}), b = random::normal({16});
    return timer.ns_each(1000, [&] {
      GradientTape tape;
      tape.watch(a);
      for (int i = 0; i < 1000; ++i) keep(a + b);
    });
  });
  suite.add("chain100_fwdbwd_ns", "ns", [](const Timer& timer) {
    const Tensor x = random::normal({16}), w = ones({16});
    return timer.ns_each(100, [&] {
      GradientTape tape;
      tape.watch(w);
      Tensor y = x;
      for (int i = 0; i < 100; ++i) y = y * w;
      keep(tape.gradient(sum(y), w));
    });
  });
  suite.add("series50_us", "us", [](const Timer& timer) {
    return timer.us([] {
      Tensor r = constant(0.f);
      for (int i = 0; i <= 50; ++i) r = r + pow(constant(2.f), -i);
      keep(r);
    });
  });
}

}  // namespace bench
