// Wide graphs: what is independent, or shares few operands, becomes kernels of bounded width, most of them the same code.
#include <set>

#include "catch.h"
#include "function/fuse.h"
#include "function/planned.h"
#include "fusion/fused.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/linalg.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "keen/variable.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

struct Width {
  std::size_t kernels = 0, codes = 0, streams = 0;  // codes: kernels that differ; streams: of the widest
};

std::unique_ptr<Plan> plan_of(const std::vector<Tensor>& arguments, const Body& body) {
  auto graph = traced_for(arguments, body);
  run_passes(*graph);
  return std::make_unique<Plan>(
      graph, std::vector<detail::Shape>(arguments.size(), detail::Shape{1}), Plan::Options{.fuse = true});
}

Width width_of(const Plan& plan) {
  Width width;
  std::set<std::string> codes;
  for (const KernelStep* step : plan.kernel_steps()) {
    ++width.kernels;
    width.streams = std::max(width.streams, step->code().inputs().size() + step->code().stores().size());
    codes.insert(step->code().content());
  }
  width.codes = codes.size();
  return width;
}

/// How wide the kernels of a body are, after its results have been compared with the eager ones.
Width width_of(const std::vector<Tensor>& arguments, const Body& body) {
  const auto plan = plan_of(arguments, body);
  const auto got = plan->run(arguments), expected = body(arguments);
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(allclose(got[i], expected[i], 1e-5, 1e-5));
  return width_of(*plan);
}

/// `make(i)` for i below a count.
template <class Make>
auto many(int count, Make&& make) {
  std::vector<decltype(make(0))> out;
  for (int i = 0; i < count; ++i) out.push_back(make(i));
  return out;
}

Tensor sum_in_pairs(std::vector<Tensor> parts) {
  for (std::size_t step = 1; step < parts.size(); step *= 2)
    for (std::size_t i = 0; i + step < parts.size(); i += 2 * step) parts[i] = parts[i] + parts[i + step];
  return parts[0];
}

}  // namespace

TEST_CASE("no kernel reads and writes more than a bounded number of tensors", "[function][wide]") {
  if (!has_jit()) return;
  const std::vector<Tensor> x{random::normal({16}, {.seed = 1})};
  const Body bodies[] = {
      [](const auto& in) { return many(500, [&](int i) { return in[0] * static_cast<float>(i) + 1.f; }); },
      [](const auto& in) {
        return std::vector{stack(many(500, [&](int i) { return sum(in[0] * static_cast<float>(i)); }))};
      },
      [](const auto& in) {
        return std::vector{concat(many(500, [&](int i) { return in[0] * static_cast<float>(i); }), 0)};
      },
      [](const auto& in) {
        Tensor y = in[0];
        for (int i = 0; i < 500; ++i) y = y + constant({1.f * static_cast<float>(i)}) * in[0];
        return std::vector{y};
      },
      [](const auto& in) {
        return std::vector{sum_in_pairs(many(500, [&](int i) { return square(in[0] - static_cast<float>(i)); }))};
      },
  };
  for (const Body& body : bodies) {
    const Width width = width_of(x, body);
    CHECK(width.kernels > 1);
    CHECK(width.kernels < 40);
    CHECK(width.streams <= most_streams);
    CHECK(width.streams > most_streams / 2);
  }
}

TEST_CASE("a graph of twice the width has the same few kernels to compile", "[function][wide]") {
  if (!has_jit()) return;
  const std::vector<Tensor> x{random::normal({16}, {.seed = 1})};
  const auto results = [](int count) -> Body {
    return [=](const auto& in) { return many(count, [&](int i) { return in[0] * static_cast<float>(i) + 1.f; }); };
  };
  const Width narrow = width_of(x, results(400)), wide = width_of(x, results(800));
  CHECK(wide.kernels >= 2 * narrow.kernels - 1);
  CHECK(wide.codes <= narrow.codes + 1);
}

TEST_CASE("a sum over a thousand arguments is a chain of kernels", "[function][wide]") {
  if (!has_jit()) return;
  const auto arguments = many(1000, [](int i) { return random::normal({4}, {.seed = i}); });
  const Width width = width_of(arguments, [](const auto& in) {
    Tensor total = in[0];
    for (std::size_t i = 1; i < in.size(); ++i) total = total + in[i];
    return std::vector{total};
  });
  CHECK(width.streams <= most_streams);
  CHECK(width.kernels <= 20);
  CHECK(width.codes <= 3);
}

TEST_CASE("what is wide only half-way stays one kernel", "[function][wide]") {
  if (!has_jit()) return;
  // The way back reads a hundred values that the way there has made, all in registers.
  const Width width = width_of({random::normal({16}, {.seed = 1}), ones({16})}, [](const auto& in) {
    GradientTape tape;
    tape.watch(in[1]);
    Tensor y = in[0];
    for (int i = 0; i < 100; ++i) y = y * in[1];
    return std::vector{tape.gradient(sum(y), in[1])};
  });
  CHECK(width.kernels == 1);
  CHECK(width.streams <= 4);
}

TEST_CASE("updates of many variables are kernels of bounded width", "[function][wide]") {
  if (!has_jit()) return;
  const auto variables = many(300, [](int) { return Variable(zeros({4})); });
  const std::vector<Tensor> x{random::normal({4}, {.seed = 1})};
  const auto plan = plan_of(x, [&](const auto& in) {
    for (std::size_t i = 0; i < variables.size(); ++i) variables[i].assign_add(in[0] * static_cast<float>(i));
    return std::vector<Tensor>{};
  });
  const Width width = width_of(*plan);
  CHECK(width.kernels <= 12);
  CHECK(width.codes <= 3);
  CHECK(width.streams <= most_streams);
  for (int call = 0; call < 2; ++call) plan->run(x);
  for (std::size_t i = 0; i < variables.size(); ++i)
    CHECK(allclose(variables[i].value(), x[0] * static_cast<float>(2 * i), 1e-5, 1e-5));
}

TEST_CASE("equal steps of a plan share the kernel and the headers of operands", "[function][wide]") {
  const Tensor x = random::normal({4, 4}, {.seed = 1}), w = random::normal({4, 4}, {.seed = 2});
  const Body body = [](const std::vector<Tensor>& in) {
    Tensor y = in[0];
    for (int i = 0; i < 40; ++i) y = matmul(tanh(y) * 0.5f, in[1]);
    return std::vector{y};
  };
  auto graph = traced_for({x, w}, body);
  run_passes(*graph);
  const Plan plan(graph, std::vector<detail::Shape>{x.strides(), w.strides()}, {.fuse = true});
  const auto headers = [&] {
    const auto before = memory_stats().allocations;
    plan.run(std::vector{x, w});
    return memory_stats().allocations - before;
  };
  CHECK(headers() < 20);  // in a first frame: three a product would be 120
  CHECK(headers() == 1);  // the result
  CHECK(allclose(plan.run(std::vector{x, w})[0], body({x, w})[0], 1e-5, 1e-6));
  std::set<const fusion::Kernel*> kernels;
  for (const KernelStep* step : plan.kernel_steps()) kernels.insert(&step->code());
  CHECK(kernels.size() <= 2);
}
