// Gradients through calls of compiled functions: the eager ones, to any order.
#include <cmath>
#include <thread>

#include "catch.h"
#include "function/executable.h"
#include "function/traced.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "keen/variable.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

/// An observer that counts what it is told of.
struct Counter final : Observer {
  Counter() {
    outer = thread_context.observers;
    thread_context.observers = this;
  }
  ~Counter() { thread_context.observers = outer; }
  void observe(const Op& op, std::span<const Operand>, Attributes, std::span<const Tensor>) override {
    ++operations;
    last = op.name;
  }
  void observe_read(const std::shared_ptr<VariableState>&, const Tensor&) override {}
  int operations = 0;
  std::string last;
};

Tensor layer(const Tensor& x, const Tensor& w) {
  return sum(tanh(matmul(x, w)) * exp(x * 0.1f) / (1.f + square(x)), -1);
}

}  // namespace

TEST_CASE("a tape sees one operation in a call of a compiled function", "[function][gradients]") {
  const auto f = function([](const Tensor& x) { return exp(x) * 2.f + x; });
  const Tensor x = constant({1.f, 2.f});
  Counter counter;
  f(x);
  CHECK(counter.operations == 1);
  CHECK(counter.last == "compiled_call");
}

TEST_CASE("gradients through a call are the eager ones, for arguments and variables", "[function][gradients]") {
  Variable w(random::normal({3, 3}, {.seed = 1}));
  const auto body = [&](const Tensor& x) { return layer(x, w); };
  const auto f = function(body);
  const Tensor x = random::normal({5, 3}, {.seed = 2});
  const auto gradients = [&](const auto& call) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = mean(call(x * 2.f));
    return tape.gradient(y, std::vector<Source>{x, w});
  };
  const auto expected = gradients(body), got = gradients(f);
  CHECK(allclose(got[0], expected[0], 1e-5, 1e-7));
  CHECK(allclose(got[1], expected[1], 1e-5, 1e-7));
  w.assign_add(0.5f);  // values of variables are those of the call
  CHECK(allclose(gradients(f)[1], gradients(body)[1], 1e-5, 1e-7));
}

TEST_CASE("gradients of gradients through a call agree to third order", "[function][gradients]") {
  const auto body = [](const Tensor& x) { return sum(sin(x) * x * x); };
  const auto f = function(body);
  const Tensor x = constant({0.5f, 1.5f, -2.f});
  const auto third = [&](const auto& call) {
    GradientTape a;
    a.watch(x);
    GradientTape b;
    b.watch(x);
    GradientTape c;
    c.watch(x);
    const Tensor d1 = c.gradient(call(x), x);
    const Tensor d2 = b.gradient(sum(d1), x);
    return std::array{d1, d2, a.gradient(sum(d2), x)};
  };
  const auto expected = third(body), got = third(f);
  for (std::size_t i = 0; i < 3; ++i) CHECK(allclose(got[i], expected[i], 1e-4, 1e-5));
}

TEST_CASE("a persistent tape that goes on recording gives second order through a call", "[function][gradients]") {
  const auto f = function([](const Tensor& x) { return x * x * x; });
  const Tensor x = constant(2.f);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor dy = tape.gradient(f(x), x);
  CHECK(dy.item<float>() == 12);
  CHECK(tape.gradient(dy, x).item<float>() == 12);
}

TEST_CASE("arguments given twice, results that are arguments, results that are equal", "[function][gradients]") {
  const auto f = function([](const Tensor& a, const Tensor& b) {
    const Tensor p = a * b;
    return std::array{p, a, p, b * 2.f};
  });
  const Tensor x = constant({3.f, 5.f});
  GradientTape outer;
  outer.watch(x);
  GradientTape tape;
  tape.watch(x);
  const auto r = f(x, x);
  const Tensor dy = tape.gradient(sum(r[0] + r[1] * 10.f + r[2] + r[3] * r[3]), x);
  CHECK(array_equal(dy, x * 4.f + 10.f + x * 8.f));
  CHECK(array_equal(outer.gradient(dy, x), constant({12.f, 12.f})));
}

TEST_CASE("unconnected arguments and integer results have no gradient", "[function][gradients]") {
  const auto f = function([](const Tensor& a, const Tensor& b) {
    return std::pair{argmax(a, 0), exp(a) + stop_gradient(b)};
  });
  const Tensor a = constant({1.f, 2.f}), b = constant({1.f, 3.f});
  GradientTape tape;
  tape.watch({a, b});
  const auto [best, y] = f(a, b);
  CHECK(best.item<std::int64_t>() == 1);
  const auto g = tape.gradient(y, {a, b});
  CHECK(allclose(g[0], exp(a), 1e-6, 0));
  CHECK_FALSE(g[1].defined());
}

TEST_CASE("calls with unknown sizes, strided arguments and draws have gradients", "[function][gradients]") {
  const auto f = function(
      [](const Tensor& x) { return mean(square(x), 0); }, {.input_signature = {TensorSpec({unknown, 2}, float32)}});
  for (std::int64_t n : {1, 3, 4}) {
    const Tensor x = transpose(random::normal({2, n}, {.seed = 3}));
    GradientTape tape;
    tape.watch(x);
    CHECK(allclose(tape.gradient(sum(f(x)), x), x * (2.f / static_cast<float>(n)), 1e-6, 1e-7));
  }
  const auto noisy = function([](const Tensor& x) { return x * random::normal({3}); });
  const Tensor x = ones({3});
  set_seed(4);
  GradientTape tape;
  tape.watch(x);
  const Tensor dy = tape.gradient(sum(noisy(x)), x);
  set_seed(4);
  CHECK(array_equal(dy, random::normal({3})));
}

TEST_CASE("the gradient of softmax cross-entropy from primitives is compiled", "[function][gradients]") {
  const auto body = [](const Tensor& x, const Tensor& y) {
    const Tensor shifted = x - max(x, 1, true);
    return -mean(sum(y * (shifted - log(sum(exp(shifted), 1, true))), 1));
  };
  const auto f = function(body);
  const Tensor x = random::normal({6, 10}, {.seed = 1}), y = softmax(random::normal({6, 10}, {.seed = 2}), 1);
  const auto gradient = [&](const auto& call) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(call(x, y), x);
  };
  CHECK(allclose(gradient(f), gradient(body), 1e-4, 1e-6));
}

TEST_CASE("threads take gradients through one function side by side", "[function][gradients]") {
  const auto f = function([](const Tensor& x) { return sum(x * x * x); });
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      const Tensor x = full({7}, static_cast<float>(t));
      for (int i = 0; i < 50; ++i) {
        GradientTape tape;
        tape.watch(x);
        wrong += !array_equal(tape.gradient(f(x), x), full({7}, static_cast<float>(3 * t * t)));
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}
