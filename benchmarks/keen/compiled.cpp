// The same workloads as compiled functions: rows `….compiled`, how dear compiling is, and what a call costs.
#include "harness/sizes.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/function/function.h"
#include "keen/nn/sequential.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/optimizers/optimizers.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {
namespace {

using namespace keen;

void add_function(Suite& suite, const std::string& name, const Shape& shape, Tensor (*f)(const Tensor&)) {
  suite.add(name + ".compiled", "us", [=](const Timer& timer) {
    const Tensor x = random::normal(shape);
    const auto compiled = function(f);
    return timer.us([&] { keep(compiled(x)); });
  });
}

}  // namespace

std::function<void()> compiled_steps_of(const Training& training) {
  const Tensor x = random::normal(training.input);
  const Tensor labels = random::integers(0, 10, {training.input[0]}, {.dtype = int32});
  training.model(x);  // makes the variables
  const auto step =
      function([=, variables = training.model.trainable_variables()](const Tensor& images, const Tensor& classes) {
        return train(training, variables, images, classes);
      });
  return [=] { keep(step(x, labels)); };
}

void add_compiled(Suite& suite) {
  for (long n : elementwise_sizes) {
    add_function(suite, "poly10_" + size_name(n) + "_us", {n}, poly10);
    add_function(suite, "gelu_" + size_name(n) + "_us", {n}, tanh_gelu);
  }
  add_function(suite, "softmax_1024x1024_us", {1024, 1024}, softmax_of_parts);
  suite.add("chain100_fwdbwd_ns.compiled", "ns", [](const Timer& timer) {
    const Tensor x = random::normal({16}), w = ones({16});
    const auto chain = function([](const Tensor& in, const Tensor& factor) {
      GradientTape tape;
      tape.watch(factor);
      Tensor y = in;
      for (int i = 0; i < 100; ++i) y = y * factor;
      return tape.gradient(sum(y), factor);
    });
    return timer.ns_each(100, [&] { keep(chain(x, w)); });
  });
  suite.add("replay_ns", "ns", [](const Timer& timer) {
    const Tensor a = random::normal({16}), b = random::normal({16});
    const auto sum_of_two = function([](const Tensor& x, const Tensor& y) { return x + y; });
    return timer.ns([&] { keep(sum_of_two(a, b)); });
  });
  for (int batch : mlp_batches)
    suite.add("mlp_step_us_b" + std::to_string(batch) + ".compiled", "us", [batch](const Timer& timer) {
      return timer.us(compiled_steps_of(mlp(batch)));
    });
  suite.add(
      "lenet_step_us_b64.compiled", "us", [](const Timer& timer) { return timer.us(compiled_steps_of(lenet())); });
}

}  // namespace bench
