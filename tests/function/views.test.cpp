// Kernels over views whose elements do not follow each other along a row: transposed matrices, permuted images.
#include <algorithm>

#include "catch.h"
#include "function/planned.h"
#include "fusion/fused.h"
#include "keen/ops/indexing.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

/// Whole numbers, so that sums in any order are equal.
Tensor numbers(const detail::Shape& shape, DType dtype = float32) {
  return random::integers(0, 50, shape, {.seed = 3}).cast(dtype);
}

Tensor softmax_of(const Tensor& x, std::int64_t axis) {
  const Tensor e = exp(x - max(x, {axis}, true));
  return e / sum(e, {axis}, true);
}

int kernels_of(const std::vector<Tensor>& arguments, const Body& body) { return planned(arguments, body).kernels; }

}  // namespace

TEST_CASE("elementwise kernels read transposed matrices of every size", "[function][fusion]") {
  if (!has_jit()) return;
  for (const detail::Shape& shape :
       std::vector<detail::Shape>{{4, 4}, {5, 7}, {16, 16}, {3, 700}, {700, 3}, {15, 65}, {130, 1040}, {600, 71}})
    for (DType dtype : {float32, float64, int32, uint8}) {
      INFO(shape << " of " << name(dtype));
      const Tensor a = numbers(shape, dtype), b = numbers({shape[1], shape[0]}, dtype);
      const Tensor bias = numbers({shape[0]}, dtype), down = numbers({shape[1], 1}, dtype);
      CHECK(kernels_of({a, b}, [](const auto& in) { return std::vector{transpose(in[0]) * 2 + in[1]}; }) == 1);
      CHECK(
          kernels_of({a, bias}, [](const auto& in) { return std::vector{maximum(transpose(in[0]), 3) + in[1]}; }) == 1);
      CHECK(kernels_of({a, down}, [](const auto& in) { return std::vector{transpose(in[0]) * 2 - in[1]}; }) == 1);
      CHECK(kernels_of({a}, [](const auto& in) {
              const Tensor t = transpose(in[0]).cast(float32);
              return std::vector{t * 2.f, t + 1.f};
            }) == 1);
    }
}

TEST_CASE("a matrix and its transpose meet in one kernel", "[function][fusion]") {
  if (!has_jit()) return;
  for (std::int64_t n : {4, 16, 33, 128, 515}) {
    const Tensor a = numbers({n, n}), b = numbers({n, n});
    CHECK(kernels_of({a}, [](const auto& in) { return std::vector{(in[0] + transpose(in[0])) * 2}; }) == 1);
    for (const Axes& axes : {Axes{0}, Axes{1}, Axes{0, 1}})
      CHECK(kernels_of({a, b}, [&](const auto& in) {
              return std::vector{sum(in[0] * transpose(in[1]), axes), max(in[0] - transpose(in[1]), axes)};
            }) == 1);
  }
}

TEST_CASE(
    "transposed matrices are reduced along both axes, with what precedes and what is stored", "[function][fusion]") {
  if (!has_jit()) return;
  for (const detail::Shape& shape :
       std::vector<detail::Shape>{{4, 4}, {3, 700}, {700, 3}, {65, 65}, {20, 3000}, {3000, 20}, {4, 140000}})
    for (DType dtype : {float32, float64, int32})
      for (const Axes& axes : {Axes{0}, Axes{1}, Axes{0, 1}}) {
        INFO(shape << " of " << name(dtype));
        const Tensor a = numbers(shape, dtype);
        CHECK(kernels_of({a}, [&](const auto& in) { return std::vector{sum(transpose(in[0]) * 2, axes)}; }) == 1);
        CHECK(kernels_of({a}, [&](const auto& in) {
                const Tensor t = transpose(in[0]) * 2;
                return std::vector{t, sum(t, axes), min(t + 1, axes, true)};
              }) == 1);
      }
}

TEST_CASE("rows of a transposed matrix are read once for each reduction that waits", "[function][fusion]") {
  if (!has_jit()) return;
  for (const detail::Shape& shape :
       std::vector<detail::Shape>{{4, 4}, {3, 700}, {700, 3}, {65, 65}, {20, 3000}, {3000, 20}})
    for (DType dtype : {float32, float64}) {
      INFO(shape << " of " << name(dtype));
      const Tensor a = numbers(shape, dtype) / 50;
      CHECK(kernels_of({a}, [](const auto& in) { return std::vector{softmax_of(transpose(in[0]) * 2, 1)}; }) == 1);
      CHECK(kernels_of({a}, [](const auto& in) { return std::vector{mean(exp(transpose(in[0])), 1)}; }) <= 2);
      kernels_of({a}, [](const auto& in) { return std::vector{softmax_of(transpose(in[0]) * 2, 0)}; });
    }
}

TEST_CASE("axes in every order are read, reduced over every choice of them", "[function][fusion]") {
  if (!has_jit()) return;
  const std::vector<detail::Shape> orders{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const std::vector<Axes> choices{{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}};
  for (const detail::Shape& shape : std::vector<detail::Shape>{{5, 6, 7}, {33, 2, 70}, {70, 40, 5}})
    for (const detail::Shape& order : orders) {
      const Tensor x = numbers(shape);
      const detail::Shape turned = transpose(x, order).shape();
      const Tensor y = numbers(turned), bias = numbers({turned[2]}), channel = numbers({turned[1], 1});
      INFO(shape << " in the order " << order);
      CHECK(kernels_of({x, y}, [&](const auto& in) { return std::vector{transpose(in[0], order) * 2 + in[1]}; }) == 1);
      CHECK(kernels_of({x, bias, channel}, [&](const auto& in) {
              return std::vector{(transpose(in[0], order) + in[1]) * in[2]};
            }) == 1);
      kernels_of({x}, [&](const auto& in) { return std::vector{softmax_of(transpose(in[0], order) / 50, 1)}; });
      for (const Axes& axes : choices)
        CHECK(
            kernels_of({x}, [&](const auto& in) { return std::vector{sum(transpose(in[0], order) * 2, axes)}; }) == 1);
    }
}

TEST_CASE("images change between the orders of their axes inside a kernel", "[function][fusion]") {
  if (!has_jit()) return;
  for (std::int64_t channels : {1, 3, 4, 17, 64}) {
    const Tensor first = numbers({2, channels, 9, 31}), last = numbers({2, 9, 31, channels}, uint8);
    const Tensor shift = numbers({channels}), scale = numbers({channels});
    INFO(channels << " channels");
    CHECK(kernels_of({first, shift, scale}, [](const auto& in) {
            return std::vector{(transpose(in[0], {0, 2, 3, 1}) - in[1]) * in[2]};
          }) == 1);
    CHECK(kernels_of({last}, [](const auto& in) {
            return std::vector{cast(transpose(in[0], {0, 3, 1, 2}), float32) / 255.f - 1.f};
          }) == 1);
  }
}

TEST_CASE("no kernel steps across the lines of a transposed matrix", "[function][fusion]") {
  if (!has_jit()) return;
  const Tensor a = numbers({100, 120}), b = numbers({120, 100});
  const auto steps_across = [&](const Body& body) {
    auto graph = traced_for({a, b}, body);
    run_passes(*graph);
    const Plan plan(graph, std::vector<detail::Shape>{a.strides(), b.strides()}, {.fuse = true});
    bool found = false;
    for (const KernelStep* step : plan.kernel_steps())
      for (int input : step->code().inputs()) found = found || step->code()[input].access == Access::strided;
    CHECK(plan.kernels() > 0);
    return found;
  };
  CHECK_FALSE(steps_across([](const auto& in) { return std::vector{transpose(in[0]) * 2 + in[1]}; }));
  CHECK_FALSE(steps_across([](const auto& in) { return std::vector{sum(transpose(in[0]) * 2, 0)}; }));
  CHECK_FALSE(steps_across([](const auto& in) { return std::vector{sum(transpose(in[0]) * 2, 1)}; }));
  CHECK_FALSE(steps_across([](const auto& in) { return std::vector{sum(transpose(in[0]) * in[1], 0)}; }));
  CHECK_FALSE(steps_across([](const auto& in) { return std::vector{softmax_of(transpose(in[0]), 1)}; }));
  CHECK_FALSE(steps_across([](const auto& in) { return std::vector{softmax_of(transpose(in[0]), 0)}; }));
  CHECK(steps_across([](const auto& in) { return std::vector{in[0](ellipsis, slice({}, {}, 2)) * 2 + 1}; }));
}

TEST_CASE("sums over transposed matrices do not depend on the number of threads", "[function][fusion]") {
  if (!has_jit()) return;
  const Tensor a = random::normal({300, 500}, {.seed = 4}), b = random::normal({500, 300}, {.seed = 5});
  const auto run = [&](int threads) {
    set_num_threads(threads);
    const Body body = [](const auto& in) {
      const Tensor t = transpose(in[0]) * in[1];
      return std::vector{sum(t, 0), sum(t, 1), sum(t), softmax_of(transpose(in[0]), 1)};
    };
    auto graph = traced_for({a, b}, body);
    return Plan(graph, std::vector<detail::Shape>{a.strides(), b.strides()}, {.fuse = true}).run(std::vector{a, b});
  };
  const int before = num_threads();
  const auto one = run(1), two = run(2);
  set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], two[i]));
}
