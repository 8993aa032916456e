// The passes: what each changes, what it must leave alone, and that the graph computes what it did.
#include "function/passes/passes.h"

#include <limits>

#include "catch.h"
#include "core/message.h"
#include "function/traced.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/debug.h"
#include "keen/ops/indexing.h"
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

/// Runs one pass and prunes; the graph must stay in order. Returns what the pass says.
int run_pass(Graph& graph, int (*pass)(Graph&)) {
  const int changed = pass(graph);
  graph.check();
  prune(graph);
  graph.check();
  return changed;
}

int nodes(const Graph& graph) { return static_cast<int>(graph.nodes.size()); }

}  // namespace

TEST_CASE("constants fold, large ones and draws do not", "[function][passes]") {
  const Tensor outside = constant({1.f, 2.f});
  auto graph = traced({{{2}, float32}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    return {in[0] + exp(outside) * 2.f, ones({100, 100}), random::normal({2}, {.seed = 1}), sum(in[0]) * mean(outside)};
  });
  const auto before = Replay(*graph).run(std::vector{outside});
  CHECK(run_pass(*graph, fold_constants) == 4);  // exp, multiply, sum, divide
  CHECK(nodes(*graph) == 5);                     // add, full, random_normal, sum, multiply
  const auto after = Replay(*graph).run(std::vector{outside});
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(array_equal(before[i], after[i]));
}

TEST_CASE("counts of axes fold once the sizes are known, and not before", "[function][passes]") {
  const auto body = [](const std::vector<Tensor>& in) -> std::vector<Tensor> { return {mean(in[0], 0)}; };
  auto open = traced({{{unknown, 3}, float32}}, body);
  CHECK(run_pass(*open, fold_constants) == 0);
  CHECK(open->count("axis_count") == 1);
}

TEST_CASE("what raises does not fold", "[function][passes]") {
  const Tensor table = ones({3}), wrong = constant({7});
  auto graph = traced({}, [&](const std::vector<Tensor>&) -> std::vector<Tensor> { return {gather(table, wrong)}; });
  CHECK(run_pass(*graph, fold_constants) == 0);
  CHECK_THROWS_AS(Replay(*graph).run({}), IndexError);
}

TEST_CASE("equal operations become one, reads, writes and draws stay apart", "[function][passes]") {
  Variable v(1.f);
  auto graph = traced({{{4}, float32}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    const Tensor a = exp(in[0]) + 1.f, b = exp(in[0]) + 1.f;
    Tensor first = v.value();
    v.assign_add(1.f);
    return {a * b, first, v.value(), random::normal({2}), random::normal({2}), sum(in[0], 0), sum(in[0], 0, true)};
  });
  CHECK(run_pass(*graph, merge_common) == 4);  // exp, add, and two of the constants 1
  CHECK(graph->count("exp") == 1);
  CHECK(graph->count("read_variable") == 2);
  CHECK(graph->count("random_normal") == 2);
  CHECK(graph->count("sum") == 2);
}

TEST_CASE("identities that hold for every bit pattern vanish, others stay", "[function][passes]") {
  const auto same = [](const Body& body) {
    auto graph = traced({{{2, 3}, float32}}, body);
    const Tensor x = constant({{-0.f, 0.f, 1.f}, {-1.5f, std::numeric_limits<float>::infinity(), 2.f}});
    const auto before = Replay(*graph).run(std::vector{x});
    const int changed = run_pass(*graph, simplify);
    const auto after = Replay(*graph).run(std::vector{x});
    for (std::size_t i = 0; i < before.size(); ++i) {
      CHECK(before[i].shape() == after[i].shape());
      CHECK(
          std::memcmp(before[i].contiguous().impl()->data, after[i].contiguous().impl()->data, before[i].nbytes()) ==
          0);
    }
    return std::pair{changed, nodes(*graph)};
  };
  using Pair = std::pair<int, int>;
  CHECK(same([](const auto& in) { return std::vector{in[0] * 1.f / 1.f - 0.f + -0.f}; }) == Pair(4, 0));
  CHECK(same([](const auto& in) { return std::vector{in[0] + 0.f}; }) == Pair(0, 1));   // turns −0 into 0
  CHECK(same([](const auto& in) { return std::vector{in[0] - -0.f}; }) == Pair(0, 1));  // so does this
  CHECK(same([](const auto& in) { return std::vector{in[0] * 0.f}; }) == Pair(0, 1));
  CHECK(same([](const auto& in) { return std::vector{-(-in[0])}; }).second == 0);
  CHECK(same([](const auto& in) { return std::vector{in[0] * ones({4, 1, 1})}; }).second == 2);  // broadcasts
  CHECK(same([](const auto& in) { return std::vector{transpose(transpose(in[0]))}; }).second == 0);
  CHECK(same([](const auto& in) { return std::vector{reshape(reshape(in[0], {6}), {3, 2})}; }).second == 1);
  CHECK(same([](const auto& in) { return std::vector{reshape(reshape(in[0], {6}), {2, 3})}; }).second == 0);
  CHECK(same([](const auto& in) { return std::vector{in[0].cast(float64).cast(float32)}; }).second == 0);
  CHECK(same([](const auto& in) { return std::vector{in[0].cast(int32).cast(float32)}; }).second == 2);
  CHECK(same([](const auto& in) { return std::vector{in[0].cast(int8).cast(int32).cast(int64)}; }).second == 2);
  CHECK(same([](const auto& in) { return std::vector{where(in[0] > 0.f, in[0], in[0])}; }).second == 0);
  CHECK(same([](const auto& in) { return std::vector{stop_gradient(in[0])}; }).second == 0);
}

TEST_CASE("transposes go into products, on either side, batched too", "[function][passes]") {
  const Tensor a = random::normal({4, 3}, {.seed = 1}), b = random::normal({5, 4}, {.seed = 2}),
               c = random::normal({2, 6, 3}, {.seed = 3});
  const std::vector<Tensor> arguments{a, b, c};
  auto graph = traced_for(arguments, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    return {
        matmul(transpose(in[0]), transpose(in[1])), matmul(in[0], transpose(in[2], {0, 2, 1})),
        matmul(transpose(in[2], {1, 0, 2}), transpose(in[0]))};
  });
  const auto before = Replay(*graph).run(arguments);
  CHECK(run_pass(*graph, transposes_into_products) == 4);
  CHECK(graph->count("transpose") == 1);
  const auto after = Replay(*graph).run(arguments);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(allclose(before[i], after[i], 1e-6, 1e-6));
}

TEST_CASE("writes move behind what may raise, unless they are read again", "[function][passes]") {
  Variable v(1.f), w(1.f);
  const Body body = [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    v.assign_add(1.f);
    return {gather(ones({3}), in[0])};
  };
  auto graph = traced({{{1}, int64}}, body);
  CHECK(run_pass(*graph, writes_last) > 0);
  CHECK_THROWS_AS(Replay(*graph).run(std::vector{constant({9}).cast(int64)}), IndexError);
  CHECK(v.item<float>() == 1);
  auto read_again = traced({{{1}, int64}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    w.assign_add(1.f);
    v.assign_add(1.f);
    Tensor now = v.value();
    w.assign_add(1.f);
    return {gather(ones({3}), in[0]) + now};
  });
  run_pass(*read_again, writes_last);
  CHECK(Replay(*read_again).run(std::vector{constant({1}).cast(int64)})[0].item<float>() == 3);
  CHECK(w.item<float>() == 3);
  CHECK(read_again->nodes.back().op->effect);
}

TEST_CASE("assertions come before writes, and writes that may raise before others", "[function][passes]") {
  Variable v(1.f), w(zeros({3}));
  auto graph = traced({{{}, float32}, {{1}, int64}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    v.assign(in[0]);
    w.scatter_add(in[1], ones({1}));
    assert_true(in[0] > 0, "positive");
    return {};
  });
  run_pass(*graph, writes_last);
  CHECK(graph->nodes.back().op->name == std::string("assign"));
  CHECK_THROWS_AS(Replay(*graph).run(std::vector{constant(-1.f), constant({0}).cast(int64)}), UsageError);
  CHECK_THROWS_AS(Replay(*graph).run(std::vector{constant(2.f), constant({3}).cast(int64)}), IndexError);
  CHECK(v.item<float>() == 1);
  CHECK(w.to_vector<float>() == std::vector<float>{0, 0, 0});
}

TEST_CASE("reads of what was written become the value, and writes that nothing sees vanish", "[function][passes]") {
  Variable v(2.f), w(3.f);
  const Body body = [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    v.assign_add(in[0]);
    const Tensor a = v * 10.f;
    v.assign(a - w);
    w.assign_sub(v);
    v.assign_add(w);
    return {a, v.value(), w + 1.f};
  };
  auto graph = traced({{{}, float32}}, body);
  CHECK(run_pass(*graph, reads_of_writes) > 0);
  CHECK(graph->count("read_variable") == 2);
  CHECK(graph->count("assign") == 2);
  CHECK(graph->count("assign_add") + graph->count("assign_sub") == 0);
  run_pass(*graph, writes_last);
  for (std::size_t i = graph->nodes.size() - 2; i < graph->nodes.size(); ++i) CHECK(is_write(graph->nodes[i]));
  const auto got = Replay(*graph).run(std::vector{constant(1.f)});
  const float v_now = v.item<float>(), w_now = w.item<float>();
  v.assign(2.f);
  w.assign(3.f);
  const auto expected = body({constant(1.f)});
  for (std::size_t i = 0; i < 3; ++i) CHECK(array_equal(got[i], expected[i]));
  CHECK(v_now == v.item<float>());
  CHECK(w_now == w.item<float>());
}

TEST_CASE("a sum in place that is not read again stays one", "[function][passes]") {
  Variable v(2.f);
  auto graph = traced({{{}, float32}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    const Tensor before = v.value();
    v.assign_add(in[0]);
    v.assign_add(in[0]);
    return {before};
  });
  CHECK(run_pass(*graph, reads_of_writes) == 0);
  CHECK(graph->count("assign_add") == 2);
}

TEST_CASE("all passes together keep what a graph computes", "[function][passes]") {
  const std::vector<Tensor> arguments{random::normal({4, 3}, {.seed = 1}), random::normal({4, 5}, {.seed = 2})};
  auto graph = traced_for(arguments, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    const Tensor product = matmul(transpose(in[0] * 1.f), in[1]);
    return {softmax(product, 1) * softmax(product, 1), stop_gradient(product)};
  });
  const auto before = Replay(*graph).run(arguments);
  auto copy = graph->copy();
  const auto reports = run_passes(*copy);
  copy->check();
  CHECK(reports.front().before == nodes(*graph));
  CHECK(reports.back().after == nodes(*copy));
  CHECK(nodes(*copy) == 3);  // matmul, softmax, multiply
  const auto after = Replay(*copy).run(arguments);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(array_equal(before[i], after[i]));
}
