// Faults: the k-th allocation fails, for every k of a program. A typed error, nothing changed, nothing leaked.
#include "catch.h"
#include "core/allocator.h"
#include "core/tensor_impl.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/function/function.h"
#include "keen/losses/losses.h"
#include "keen/nn/layers.h"
#include "keen/nn/sequential.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/optimizers/optimizers.h"
#include "keen/random.h"

using namespace keen;

namespace {

using Values = std::vector<std::vector<double>>;
Values values_of(const std::vector<Variable>& variables) {
  Values out;
  for (auto& v : variables) out.push_back(v.to_vector<double>());
  return out;
}

// Runs `program` with its first allocation failing, then its second, and so on until it runs through. After each
// failure `state` must tell what it told before, and no more memory may be in use than before, but for `slack` bytes.
template <class Program, class State>
int fail_each_allocation(Program&& program, State&& state, std::int64_t slack = 0) {
  const std::int64_t in_use = memory_stats().in_use;
  for (int k = 1;; ++k) {
    const auto before = state();
    INFO("allocation " << k << " fails");
    bool failed = false;
    detail::fail_allocation(k);
    try {
      program();
    } catch (const OutOfMemory& e) {
      failed = true;
      INFO(e.what());
      CHECK(std::string(e.what()).find("[allocate]") != std::string::npos);
    }
    const bool reached = detail::fail_allocation(0) == 0;
    CHECK(failed == reached);  // no failure is swallowed
    if (!reached) return k - 1;
    CHECK(memory_stats().in_use - in_use <= slack);
    CHECK(state() == before);
  }
}

struct Model {
  Variable table{random::normal({6, 4}, {.seed = 1}), {.name = "table"}};
  Variable weight{random::normal({4, 3}, {.seed = 2}), {.name = "weight"}};
  Variable bias{zeros({3}), {.name = "bias"}};
  std::vector<Variable> variables{table, weight, bias};
  Tensor words = constant({{0, 5}, {2, -4}, {-1, 0}}), labels = constant({2, 0, 1});

  Tensor loss() const {
    Tensor x = tanh(mean(gather(table.value(), words), 1));
    return mean(sparse_softmax_cross_entropy(labels, matmul(x, weight) + bias));
  }
  template <class Optimizer>
  void step(const Optimizer& optimizer) const {
    GradientTape tape;
    Tensor y = loss();
    optimizer.apply_gradients(tape.gradient(y, variables), variables);
  }
};

}  // namespace

TEST_CASE("a training step that runs out of memory anywhere changes nothing", "[faults]") {
  Model model;
  optimizers::Adam adam(0.1);
  model.step(adam);  // makes the slots
  std::vector<Variable> everything = adam.variables();
  everything.insert(everything.end(), model.variables.begin(), model.variables.end());
  const std::int64_t in_use = memory_stats().in_use;
  std::vector<Tensor> held;
  std::int64_t slack = 0;
  SECTION("writing in place") {}
  SECTION("writing new buffers, because the old ones are held") {
    for (auto& v : everything) held.push_back(v);
    slack = 4096;  // variables part with the held buffers one after the other
  }
  const int failures = fail_each_allocation([&] { model.step(adam); }, [&] { return values_of(everything); }, slack);
  CHECK(failures > 20);
  held.clear();
  CHECK(memory_stats().in_use == in_use);
  CHECK(adam.iterations().item<int>() == 2);  // the run without a failure is the second step
}

TEST_CASE("steps that succeed after failures are those of a run without failures", "[faults]") {
  Model failing, plain;
  optimizers::Adam a(0.1), b(0.1);
  failing.step(a);
  plain.step(b);
  fail_each_allocation([&] { failing.step(a); }, [&] { return values_of(failing.variables); });
  plain.step(b);
  CHECK(values_of(failing.variables) == values_of(plain.variables));
}

TEST_CASE("a first step that runs out of memory leaves nothing of its optimizer", "[faults]") {
  Model model;
  const int failures = fail_each_allocation(
      [&] {
        optimizers::SGD sgd(0.1, {.momentum = 0.9, .nesterov = true});
        model.step(sgd);
      },
      [&] { return values_of(model.variables); });
  CHECK(failures > 20);
}

TEST_CASE("assignments and scatter updates that run out of memory change nothing", "[faults]") {
  Variable v(ones({40, 50})), n(zeros({3}, {.dtype = int32}));
  Tensor held = v, rows = constant({1, 39});
  auto state = [&] { return values_of({v, n}); };
  fail_each_allocation([&] { v.assign_add(1.f); }, state);
  held = v;
  fail_each_allocation([&] { v.assign(transpose(ones({50, 40}))); }, state);
  held = v;
  fail_each_allocation([&] { v.scatter_add(rows, broadcast_to(constant(2.f), {2, 50})); }, state);
  fail_each_allocation([&] { n.assign_sub(7); }, state);
  CHECK(v.value()[1][0].item<float>() == 3);
  CHECK(v.value()[0][0].item<float>() == 1);
  CHECK(n.to_vector<int>() == std::vector(3, -7));
}

TEST_CASE("operations of every kind that run out of memory leave their operands and give all back", "[faults]") {
  const Tensor x = random::normal({4, 6, 6, 2}, {.seed = 1}), f = random::normal({3, 3, 2, 4}, {.seed = 2});
  const Tensor m = transpose(random::normal({300, 200}, {.seed = 3}));
  auto state = [&] { return std::pair{x.to_vector<float>(), m.to_vector<float>()}; };
  int failures = 0;
  auto check = [&](auto&& program) { failures += fail_each_allocation(program, state); };
  check([&] { return conv2d(x, f, {.padding = "same"}); });
  check([&] { return max_pool2d(x, {.window = {2, 2}}); });
  check([&] { return matmul(m, transpose(m)); });
  check([&] { return sum(m * 2, 0) + exp(m[0](newaxis, 0)); });
  check([&] { return softmax(m) + log_softmax(m, 0); });
  check([&] {
    return concat(
        {m, m * 3,
         transpose(m)(slice(200), slice(300))
             .contiguous()
             .reshape({200, 200})[0](newaxis)(slice(0, 0))
             .reshape({0, 300})});
  });
  check([&] { return where(m > 0, m, 0).cast(int8); });
  check([&] { return set(m, {slice(3), 1}, constant(7)); });
  check([&] { return take_along_axis(m, argmax(m, 1, true), 1); });
  check([&] { return variance(m, 1) + m.mean(1); });
  check([&] { return constant({{1, 2}, {3, 4}}, {.dtype = float16}).to_string(); });
  check([&] { return split(m, 4, 1)[2].to_vector<double>(); });
  check([&] { return eye(100) + linspace(0, 1, 100) + range(100).tensor(); });
  check([&] { return random::permutation(1000, {.seed = 1}) + random::integers(0, 9, {1000}, {.seed = 1}); });
  CHECK(failures > 50);
}

TEST_CASE("layers whose building runs out of memory can be built later", "[faults]") {
  const Tensor images = ones({2, 8, 8, 1});
  const std::int64_t in_use = memory_stats().in_use;
  {
    nn::Sequential model{nn::Conv2D(2, 3, {.activation = relu}), nn::MaxPooling2D(2), nn::Flatten(), nn::Dense(3)};
    for (int k = 1;; ++k) {
      detail::fail_allocation(k);
      try {
        model(images);
      } catch (const OutOfMemory&) {
      }
      if (detail::fail_allocation(0) > 0) break;
    }
    CHECK(model.variables().size() == 4);
    CHECK(model(images).shape() == Shape{2, 3});
  }
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("a compiled step that runs out of memory anywhere changes nothing", "[faults][function]") {
  Model model;
  optimizers::Adam adam(0.1);
  Variable seen(0.f), half(ones({7, 5}));
  const Tensor held = half.value();
  auto step = function([&](const Tensor& scale) {
    seen.assign_add(scale);
    half.assign(half * 0.5f);
    model.step(adam);
    seen.assign_add(seen * 2.f);
    return std::tuple{transpose(half.value()), seen.value(), flip(half * scale)};
  });
  model.step(adam);  // makes the slots
  std::vector<Variable> everything = adam.variables();
  everything.insert(everything.end(), {model.table, model.weight, model.bias, seen, half});
  const auto state = [&] { return values_of(everything); };
  std::vector<Tensor> kept;
  SECTION("when it is traced") {}
  SECTION("when it is replayed, writing in place") { step(1.f); }
  SECTION("when it is replayed, writing new buffers, because the old ones are held") {
    step(1.f);
    for (auto& v : everything) kept.push_back(v);
  }
  for (int k = 1;; ++k) {
    const auto before = state();
    INFO("allocation " << k << " fails");
    detail::fail_allocation(k);
    bool failed = false;
    try {
      step(1.f);
    } catch (const OutOfMemory&) {
      failed = true;
    }
    const bool reached = detail::fail_allocation(0) == 0;
    if (failed) CHECK(state() == before);
    else CHECK(state() != before);
    if (reached) continue;
    CHECK(k > 3);
    break;
  }
}

TEST_CASE("a function whose tracing or replay runs out of memory can be called again", "[faults]") {
  Variable v(1.f);
  Tensor x = ones({30});
  auto f = function([&](const Tensor& t) {
    v.assign_add(sum(t));
    return exp(t * v) + 1;
  });
  for (int call = 0; call < 2; ++call) {  // the first is traced, the second replayed
    for (int k = 1;; ++k) {
      const float before = v.item<float>();
      detail::fail_allocation(k);
      bool failed = false;
      try {
        f(x);
      } catch (const OutOfMemory&) {
        failed = true;
      }
      if (detail::fail_allocation(0) > 0) break;
      CHECK(failed);
      CHECK(v.item<float>() == before);  // also what follows the write in the program fails before it
    }
  }
  CHECK(f(zeros({30}))[0].item<float>() == 2);
}
