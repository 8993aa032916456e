// Chains of elementwise operations on larger tensors, and how one operation's rate falls with size.
#include "harness/sizes.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {

using namespace keen;

Tensor poly10(const Tensor& x) {
  const float a = 1.01f, b = 0.5f;
  return ((((x * a + b) * x - a) * x + b) * x - a) * x + b;
}
Tensor tanh_gelu(const Tensor& x) { return 0.5f * x * (1.f + tanh(0.79788456f * (x + 0.044715f * x * x * x))); }
Tensor softmax_of_parts(const Tensor& x) {
  const Tensor e = exp(x - max(x, 1, true));
  return e / sum(e, 1, true);
}

namespace {

Tensor library_softmax(const Tensor& x) { return softmax(x, 1); }

void add_function(Suite& suite, const std::string& name, const Shape& shape, Tensor (*f)(const Tensor&)) {
  suite.add(name, "us", [=](const Timer& timer) {
    const Tensor x = random::normal(shape);
    return timer.us([&] { keep(f(x)); });
  });
}

}  // namespace

void add_elementwise(Suite& suite) {
  for (long n : elementwise_sizes) {
    add_function(suite, "poly10_" + size_name(n) + "_us", {n}, poly10);
    add_function(suite, "gelu_" + size_name(n) + "_us", {n}, tanh_gelu);
  }
  add_function(suite, "softmax_1024x1024_us", {1024, 1024}, softmax_of_parts);
  add_function(suite, "softmax_1024x1024_us.library", {1024, 1024}, library_softmax);
  for (long n : growth_sizes)
    suite.add("growth_add_" + size_name(n), "op/s", [n](const Timer& timer) {
      const Tensor a = random::normal({n}), b = random::normal({n});
      return timer.rate([&] { keep(a + b); });
    });
}

}  // namespace bench
