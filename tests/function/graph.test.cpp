// Traced graphs: printed, checked, pruned, replayed with other sizes.
#include "function/graph.h"

#include "catch.h"
#include "function/replay.h"
#include "function/tracer.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
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

namespace {

template <class F>
void trace(Graph& graph, const std::vector<TensorSpec>& specs, F&& body) {
  Tracer tracer(graph);
  std::vector<Tensor> arguments;
  for (const auto& spec : specs) arguments.push_back(tracer.input(spec, Device()));
  {
    TraceScope scope(tracer);
    for (const Tensor& result : body(arguments)) tracer.result(result);
  }
  graph.check();
}

}  // namespace

TEST_CASE("twelve operations trace with an unknown batch dimension, print and replay", "[function][graph]") {
  set_seed(7);
  const Tensor filters = random::normal({3, 3, 1, 2}, {.seed = 1}), weights = random::normal({8, 3}, {.seed = 2});
  const Tensor rows = constant({0, 0});
  Variable total(0.f, {.name = "total"});
  const auto body = [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    Tensor x = conv2d(in[0], filters);      // (?, 2, 2, 2)
    x = reshape(x, {-1, 8});                // (?, 8)
    x = tanh(exp(x * 0.1f) + 1);            // mul, exp, add, tanh
    Tensor y = matmul(x, weights);          // (?, 3)
    Tensor z = transpose(gather(y, rows));  // (3, 2)
    Tensor noise = random::normal({3, 2});
    Tensor s = sum(z + noise);
    total.assign(s);
    return {y, s};
  };
  Graph graph;
  trace(graph, {{{unknown, 4, 4, 1}, float32}}, body);
  CHECK(total.item<float>() == 0);  // tracing runs nothing
  const std::string text = graph.to_string();
  INFO(text);
  for (const char* line :
       {"%0: float32(?, 4, 4, 1) = input\n", ": float32(?, 2, 2, 2) = conv2d(%0, %", ": float32(?, 8) = reshape(%",
        "= multiply(%", "= exp(%", "= add(%", "= tanh(%", ": float32(?, 3) = matmul(%", ": float32(2, 3) = gather(%",
        ": float32(3, 2) = transpose(%", ": float32(3, 2) = random_normal()", ": float32() = sum(%", "assign(%",
        "variable='total'", "return %"})
    CHECK(text.find(line) != std::string::npos);

  const Replay replay(graph);
  for (std::int64_t batch : {1, 5}) {
    const Tensor images = random::normal({batch, 4, 4, 1}, {.seed = 3});
    set_seed(11);
    const auto results = replay.run(std::vector{images});
    CHECK(total.item<float>() == results[1].item<float>());
    set_seed(11);
    const auto eager = body({images});
    CHECK(results[0].shape() == detail::Shape{batch, 3});
    CHECK(array_equal(results[0], eager[0]));
    CHECK(array_equal(results[1], eager[1]));
  }
}

TEST_CASE("pruning keeps what results, effects and shared random streams need", "[function][graph]") {
  Variable v(1.f, {.name = "v"});
  Graph graph;
  trace(graph, {{{}, float32}}, [&](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    Tensor useless = exp(in[0]) * 3;
    random::normal({2});               // moves the process's stream
    random::normal({2}, {.seed = 1});  // touches nothing
    v.assign(in[0] + 1);
    return {in[0] * 2};
  });
  CHECK(prune(graph) == 3);
  graph.check();
  CHECK(graph.count("exp") == 0);
  CHECK(graph.count("random_normal") == 1);
  CHECK(graph.count("assign") == 1);
  CHECK(graph.count("add") == 1);
  CHECK(graph.constants.size() == 2);
}

TEST_CASE("reads and writes of a variable keep their order", "[function][graph]") {
  Variable v(2.f, {.name = "v"});
  Graph graph;
  trace(graph, {}, [&](const std::vector<Tensor>&) -> std::vector<Tensor> {
    Tensor before = v.value(), same = v.value();
    v.assign(before * 10);
    Tensor middle = v.value();
    v.assign_add(middle);
    return {before + same, middle, v.value()};
  });
  CHECK(graph.count("read_variable") == 3);
  const auto results = Replay(graph).run({});
  CHECK(results[0].item<float>() == 4);
  CHECK(results[1].item<float>() == 20);
  CHECK(results[2].item<float>() == 40);
  CHECK(v.item<float>() == 40);
}

TEST_CASE("a tape outside records a replay, a tape inside is traced", "[function][graph]") {
  Graph square_graph, gradient_graph;
  trace(square_graph, {{{unknown}, float32}}, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    return {sum(in[0] * in[0] * in[0])};
  });
  trace(gradient_graph, {{{unknown}, float32}}, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    GradientTape tape;
    tape.watch(in[0]);
    Tensor y = sum(in[0] * in[0] * in[0]);
    return {tape.gradient(y, in[0])};
  });
  const Tensor x = constant({1.f, 2.f, 3.f}), expected = constant({3.f, 12.f, 27.f});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = Replay(square_graph).run(std::vector{x})[0];
  CHECK(array_equal(tape.gradient(y, x), expected));
  CHECK(array_equal(Replay(gradient_graph).run(std::vector{x})[0], expected));
}

TEST_CASE("symbols bind to sizes at replay, and must agree", "[function][graph]") {
  Graph graph;
  trace(graph, {{{unknown, 2}, float32}}, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    Tensor flat = reshape(in[0], {-1});
    return {concat({in[0], in[0]}), flat, ones_like(in[0]), reshape(in[0] + 1, {in[0].dim(0), 2, 1})};
  });
  const auto results = Replay(graph).run(std::vector{ones({3, 2})});
  CHECK(results[0].shape() == detail::Shape{6, 2});
  CHECK(results[1].shape() == detail::Shape{6});
  CHECK(results[2].shape() == detail::Shape{3, 2});
  CHECK(results[3].shape() == detail::Shape{3, 2, 1});

  Graph two;
  trace(two, {{{unknown}, float32}, {{unknown}, float32}}, [](const std::vector<Tensor>& in) -> std::vector<Tensor> {
    return {in[0] + in[1]};
  });
  CHECK(Replay(two).run(std::vector{ones({1}), ones({4})})[0].shape() == detail::Shape{4});
  CHECK(Replay(two).run(std::vector{ones({4}), ones({1})})[0].shape() == detail::Shape{4});
  CHECK_THROWS_AS(Replay(two).run(std::vector{ones({3}), ones({4})}), ShapeError);
}

TEST_CASE("the checker finds graphs that are not in order", "[function][graph]") {
  Graph graph;
  graph.results.push_back(graph.add_value({float32, {2}, Device(), {}}));
  CHECK_THROWS_AS(graph.check(), InternalError);
  graph.inputs.push_back(0);
  graph.check();
  graph.inputs.push_back(0);
  CHECK_THROWS_AS(graph.check(), InternalError);
  Graph open;
  open.inputs.push_back(open.add_value({float32, {symbol(0)}, Device(), {}}));
  CHECK_THROWS_AS(open.check(), InternalError);
}
