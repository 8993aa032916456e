// Executables: what is fused into how many kernels, what explain() says, failures, threads, large graphs.
#include "function/executable.h"

#include <chrono>
#include <thread>

#include "catch.h"
#include "function/planned.h"
#include "fusion/fused.h"
#include "keen/function/function.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/optimizers/optimizers.h"
#include "keen/random.h"
#include "keen/variable.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

TEST_CASE(
    "softmax, log-softmax, layer norm and variance from primitives are one kernel each", "[function][executable]") {
  if (!has_jit()) return;
  const std::vector<Tensor> x{random::normal({7, 33}, {.seed = 1})};
  const auto is_one_kernel = [&](const Body& body) {
    const auto [steps, kernels] = planned(x, body);
    CHECK(steps == 1);
    CHECK(kernels == 1);
  };
  is_one_kernel([](const auto& in) {
    const Tensor e = exp(in[0] - max(in[0], 1, true));
    return std::vector{e / sum(e, 1, true)};
  });
  is_one_kernel([](const auto& in) {
    const Tensor shifted = in[0] - max(in[0], -1, true);
    return std::vector{shifted - log(sum(exp(shifted), -1, true))};
  });
  is_one_kernel([](const auto& in) {
    const Tensor centred = in[0] - mean(in[0], 1, true);
    return std::vector{centred * rsqrt(mean(square(centred), 1, true) + 1e-5f) * 2.f + 1.f};
  });
  is_one_kernel([](const auto& in) { return std::vector{variance(in[0], 1)}; });
  is_one_kernel([](const auto& in) { return std::vector{relu(in[0]), sum(relu(in[0]), 0)}; });  // by columns
}

TEST_CASE("the updates of an optimizer are one step over all variables", "[function][executable]") {
  std::vector<Variable> variables;
  for (int i = 1; i < 9; ++i) variables.emplace_back(ones({i}));
  const optimizers::Adam adam(0.1);
  auto graph = traced({}, [&](const auto&) {
    std::vector<Tensor> gradients;
    for (const auto& v : variables) gradients.push_back(ones(v.shape()));
    adam.apply_gradients(gradients, variables);
    return std::vector<Tensor>{};
  });
  run_passes(*graph);
  const Plan plan(graph, {}, {.fuse = true});
  int updates = 0;
  for (const auto& step : plan.steps()) updates += step->to_string().find("adam_update") != std::string::npos;
  CHECK(updates == 1);
  CHECK(plan.steps()[plan.steps().size() - 2]->to_string() == "adam_update of 8 variables");  // iterations come last
  plan.run({});
  for (const auto& v : variables) CHECK(allclose(v.value(), full(v.shape(), 0.9)));
}

TEST_CASE("a failed call leaves variables as they were, and the function usable", "[function][executable]") {
  Variable v(1.f);
  const Executable run(traced({{{1}, int64}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    v.assign_add(1.f);
    return {gather(random::normal({3}, {.seed = 1}), in[0])};
  }));
  CHECK_THROWS_AS(run.run(std::vector{constant({5}).cast(int64)}), IndexError);
  CHECK(v.item<float>() == 1);
  run.run(std::vector{constant({2}).cast(int64)});
  CHECK(v.item<float>() == 2);
}

TEST_CASE("an executable explains its passes, kernels and times, and shows graph and code", "[function][executable]") {
  const std::vector<Tensor> arguments{random::normal({4, 3}, {.seed = 1})};
  const Executable run(traced_for(arguments, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    const Tensor unused = exp(in[0]);
    return {matmul(transpose(in[0] * 1.f), in[0]), tanh(in[0]) * 2.f + 1.f};
  }));
  std::string told = run.explain();
  INFO(told);
  for (const char* part :
       {"prune: 1 changed, 7 -> 6 operations: exp", "simplify: 1 changed", "transposes into products: 1 changed",
        "plan: ", "matmul"})
    CHECK(told.find(part) != std::string::npos);
  CHECK(told.find(" us ") == std::string::npos);
  keen::time_functions(true);
  run.run(arguments);
  keen::time_functions(false);
  CHECK(run.explain().find(" us ") != std::string::npos);
  CHECK(run.optimised().to_dot().find("label=\"matmul transpose_a=true\\n") != std::string::npos);
  if (!has_jit()) return;
  CHECK(told.find("kernel over (4, 3), 3 in, 1 out: tanh %") != std::string::npos);
  REQUIRE(run.kernel_ir().size() == 1);
  CHECK(run.kernel_ir()[0].find("define") != std::string::npos);
}

TEST_CASE("one executable serves many sizes, layouts and threads", "[function][executable]") {
  const Executable run(traced({{{unknown, 6}, float32}}, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    return {sum(exp(in[0]) * 2.f, 0), in[0] - mean(in[0], 1, true)};
  }));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (std::int64_t n = 1; n < 25; ++n) {
        Tensor x = random::normal({n, 6}, {.seed = static_cast<std::uint64_t>(n)});
        if (n % 2) x = transpose(transpose(x).contiguous());
        const auto got = run.run(std::vector{x});
        wrong +=
            !allclose(got[0], sum(exp(x) * 2.f, 0), 1e-5, 1e-5) || !allclose(got[1], x - mean(x, 1, true), 1e-5, 1e-5);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a long chain of reductions becomes many kernels of few passes, not one of many", "[function][executable]") {
  if (!has_jit()) return;
  const auto [steps, kernels] = planned({random::uniform({16}, {.seed = 1})}, [](const auto& in) {
    Tensor y = in[0];
    for (int i = 0; i < 40; ++i) y = (y * 0.9f + in[0]) * y - max(y, 0, true);
    return std::vector{y};
  });
  CHECK(steps == kernels);
  CHECK(kernels == 10);
}

TEST_CASE("a graph of ten thousand operations compiles in seconds", "[function][executable]") {
  const std::vector<Tensor> x{random::normal({64}, {.seed = 1})};
  const Body body = [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    Tensor y = in[0];
    for (int i = 0; i < 5000; ++i) y = y * 0.999f + in[0];
    return {y};
  };
  const auto start = std::chrono::steady_clock::now();
  const Executable run(traced_for(x, body));
  const auto got = run.run(x)[0];
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 5);
  CHECK(same_bits(got, body(x)[0]));
}
