// Twelve operations through every mode: eager, on the tape to second order, and traced with an unknown batch dimension,
// printed and replayed, gradients too. (tests/fusion and tests/cuda take exp, tanh, mul and sum into one kernel.)
#include "catch.h"
#include "core/op.h"
#include "function/graph.h"
#include "function/replay.h"
#include "function/tracer.h"
#include "keen/autodiff/gradient_check.h"
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

using Tensors = std::vector<Tensor>;
using Body = std::function<Tensor(const Tensors&)>;

struct Milestone {
  const char* operation;  // as its description names it
  Body body;
  std::vector<detail::Shape> inputs;  // -1 is the batch
  const char* printed;                // a part of the graph's text
};

Tensor random_input(const detail::Shape& shape, std::uint64_t seed) {
  return random::normal(shape, {.stddev = 0.5, .dtype = float64, .seed = seed});
}

std::vector<Milestone> milestones() {
  const Tensor columns = constant({0, 2, 2, -1}), filters = random_input({2, 2, 2, 3}, 7);
  const Variable total(zeros({3}, {.dtype = float64}), {.name = "total", .trainable = false});
  return {
      {"add", [](const Tensors& in) { return in[0] + in[1]; }, {{-1, 3}, {3}}, "float64(?, 3) = add(%0, %1)"},
      {"multiply", [](const Tensors& in) { return in[0] * in[1]; }, {{-1, 3}, {3}}, "float64(?, 3) = multiply(%0, %1)"},
      {"exp", [](const Tensors& in) { return exp(in[0]); }, {{-1, 3}}, "float64(?, 3) = exp(%0)"},
      {"tanh", [](const Tensors& in) { return tanh(in[0]); }, {{-1, 3}}, "float64(?, 3) = tanh(%0)"},
      {"sum", [](const Tensors& in) { return sum(in[0] * in[0], 1); }, {{-1, 3}}, "float64(?,) = sum(%1)"},
      {"reshape",
       [](const Tensors& in) {
         return reshape(in[0], {-1, 6});
       },
       {{-1, 2, 3}},
       "float64(?, 6) = reshape(%0)"},
      {"transpose",
       [](const Tensors& in) {
         return transpose(in[0], {1, 0, 2});
       },
       {{-1, 2, 3}},
       "float64(2, ?, 3) = transpose(%0)"},
      {"gather", [=](const Tensors& in) { return gather(in[0], columns, 1); }, {{-1, 3}}, "float64(?, 4) = gather(%0"},
      {"matmul",
       [](const Tensors& in) { return matmul(in[0], in[1]); },
       {{-1, 3}, {3, 2}},
       "float64(?, 2) = matmul(%0, %1)"},
      {"conv2d",
       [=](const Tensors& in) { return conv2d(in[0], filters); },
       {{-1, 3, 4, 2}},
       "float64(?, 2, 3, 3) = conv2d(%0"},
      {"random_normal",
       [](const Tensors& in) { return in[0] * random::normal({3}, {.dtype = float64, .seed = 5}); },
       {{-1, 3}},
       "float64(3,) = random_normal()"},
      {"assign",
       [=](const Tensors& in) {
         total.assign(sum(in[0], 0));
         return in[0] * total;
       },
       {{-1, 3}},
       "variable='total'"},
  };
}

Tensors inputs_of(const Milestone& m, std::int64_t batch) {
  Tensors out;
  for (detail::Shape shape : m.inputs) {
    for (auto& d : shape) d = d < 0 ? batch : d;
    out.push_back(random_input(shape, out.size() + 1));
  }
  return out;
}

// The result, its gradient with respect to the first input, and the gradient of that gradient's squares.
Tensors to_second_order(const Body& body, const Tensors& in) {
  GradientTape outer;
  outer.watch(in[0]);
  GradientTape inner;
  inner.watch(in[0]);
  const Tensor y = body(in);
  const Tensor first = inner.gradient(sum(y * y * y), in[0]);
  return {y, first, outer.gradient(sum(first * first), in[0])};
}

void trace(Graph& graph, const Milestone& m, const std::function<Tensors(const Tensors&)>& f) {
  Tracer tracer(graph);
  Tensors arguments;
  for (auto& shape : m.inputs) arguments.push_back(tracer.input({shape, float64}, Device()));
  {
    TraceScope scope(tracer);
    for (const Tensor& result : f(arguments)) tracer.result(result);
  }
  graph.check();
}

}  // namespace

TEST_CASE("the twelve operations are one description each", "[milestone]") {
  for (auto& m : milestones()) {
    INFO(m.operation);
    int descriptions = 0;
    for (const Op* op : all_ops()) descriptions += op->name == std::string(m.operation);
    CHECK(descriptions == 1);
    CHECK(find_op(m.operation)->formula[0] != '\0');
  }
  CHECK(milestones().size() == 12);
}

TEST_CASE("the twelve operations have gradients to second order", "[milestone]") {
  for (auto& m : milestones()) {
    if (m.operation == std::string("assign")) continue;  // an effect: what is assigned has no gradient
    INFO(m.operation);
    const auto result = gradient_check(m.body, inputs_of(m, 2), {.rtol = 1e-4, .atol = 1e-6, .order = 2});
    INFO(result.message);
    CHECK(result.ok);
  }
}

TEST_CASE("the twelve operations trace with an unknown batch, print and replay", "[milestone]") {
  for (auto& m : milestones()) {
    Graph graph;
    trace(graph, m, [&](const Tensors& in) { return Tensors{m.body(in)}; });
    INFO(m.operation << '\n' << graph.to_string());
    CHECK(graph.count(m.operation) == 1);
    CHECK(graph.to_string().find("%0: float64(?") == 0);
    CHECK(graph.to_string().find(m.printed) != std::string::npos);
    const Replay replay(graph);
    for (std::int64_t batch : {1, 4, 0}) {
      const Tensors in = inputs_of(m, batch);
      const Tensor eager = m.body(in), replayed = replay.run(in).at(0);
      CHECK(replayed.shape() == eager.shape());
      CHECK(array_equal(replayed, eager));
    }
  }
}

TEST_CASE("gradients of the twelve operations trace to second order and replay", "[milestone]") {
  for (auto& m : milestones()) {
    INFO(m.operation);
    Graph graph;
    trace(graph, m, [&](const Tensors& in) { return to_second_order(m.body, in); });
    const Replay replay(graph);
    for (std::int64_t batch : {1, 3}) {
      const Tensors in = inputs_of(m, batch), eager = to_second_order(m.body, in), replayed = replay.run(in);
      REQUIRE(replayed.size() == 3);
      for (std::size_t i = 0; i < 3; ++i) {
        INFO("batch " << batch << ", order " << i);
        CHECK(array_equal(replayed[i], eager[i]));
      }
    }
  }
}
