// Reductions inside compiled functions: which axes, what is joined, in how many kernels.
#include "catch.h"
#include "function/planned.h"
#include "fusion/fused.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

constexpr int any_number = -1;

/// The number of kernels, besides which there are `others`.
int kernels_of(const std::vector<Tensor>& arguments, const Body& body, int others = 0) {
  const auto [steps, kernels] = planned(arguments, body);
  if (others != any_number) CHECK(kernels + others == steps);
  return kernels;
}

}  // namespace

TEST_CASE("any and all join what comes before them in one kernel", "[function][fusion]") {
  if (!has_jit()) return;
  const Tensor x = random::normal({37, 21}, {.seed = 1});
  for (const Axes& axes : {Axes{0}, Axes{1}, Axes{0, 1}})
    CHECK(kernels_of({x}, [&](const auto& in) {
            return std::vector{any(in[0] > 2.f, axes), all(in[0] < 2.5f, axes)};
          }) == 1);
  CHECK(kernels_of({x.cast(int32)}, [](const auto& in) {
          return std::vector{any(in[0] * 2, 1), all(in[0] + 1, 1)};
        }) == 1);
}

TEST_CASE("reduced axes may lie on both sides of a kept one", "[function][fusion]") {
  if (!has_jit()) return;
  const Tensor nchw = random::normal({5, 3, 7, 6}, {.seed = 1}), cube = random::normal({9, 4, 70}, {.seed = 2});
  const auto body = [](const Axes& axes) {
    return [axes](const std::vector<Tensor>& in) {
      const Tensor y = exp(in[0]);
      return std::vector{sum(y, axes), max(y * 2.f, axes, true), y};
    };
  };
  CHECK(kernels_of({nchw}, body({0, 2, 3})) == 1);
  CHECK(kernels_of({nchw}, body({0, 3})) == 1);
  CHECK(kernels_of({nchw}, body({1, 3})) == 1);
  CHECK(kernels_of({nchw}, body({0, 1, 2})) == 1);
  CHECK(kernels_of({cube}, body({0, 2})) == 1);
  CHECK(kernels_of({transpose(cube)}, body({0, 2})) == 1);
}

TEST_CASE(
    "what moments of channels follow from and what they normalise is fused, whichever axis channels are",
    "[function][fusion]") {
  if (!has_jit()) return;
  const auto normalise = [](const Axes& axes) {
    return [axes](const std::vector<Tensor>& in) {
      const Tensor centred = in[0] - mean(in[0], axes, true);
      return std::vector{centred * rsqrt(mean(square(centred), axes, true) + 1e-5f)};
    };
  };
  CHECK(kernels_of({random::normal({8, 5, 12, 11}, {.seed = 1})}, normalise({0, 2, 3})) == 1);
  CHECK(kernels_of({random::normal({8, 12, 11, 5}, {.seed = 1})}, normalise({0, 1, 2})) == 1);
}

TEST_CASE("long rows are summed in pieces while their elements are stored", "[function][fusion]") {
  if (!has_jit()) return;
  const Tensor x = random::normal({2, 200003}, {.seed = 1});
  CHECK(kernels_of({x}, [](const auto& in) {
          const Tensor y = tanh(in[0]);
          return std::vector{y, mean(y, 1), sqrt(sum(square(y), 1))};
        }) == 1);
}

TEST_CASE("short rows join whatever their number divides by", "[function][fusion]") {
  if (!has_jit()) return;
  for (std::int64_t rows : {2, 3, 101, 103, 1009, 65537})
    for (std::int64_t columns : {3, 10, 63}) {
      INFO(rows << " rows of " << columns);
      const Tensor x = random::normal({rows, columns}, {.seed = 1}), bias = random::normal({columns}, {.seed = 2});
      CHECK(kernels_of({x, bias}, [](const auto& in) {
              const Tensor y = relu(in[0] + in[1]);
              return std::vector{y, sum(y, 0), max(y * 2.f, 0)};
            }) == 1);
      CHECK(kernels_of({x, bias}, [](const auto& in) { return std::vector{relu(in[0] + in[1])}; }) == 1);
    }
}

TEST_CASE("a row's value that is stored for each element is there for each element", "[function]") {
  Tensor x = random::normal({3, 5}), s = random::normal({3, 1}), i = cast(x * 10, int32);
  const auto check = [](const std::vector<Tensor>& arguments, const Body& body) {
    kernels_of(arguments, body, any_number);
  };
  const auto over = [](const Tensor& t) { return broadcast_to(t, {3, 5}); };
  check({x}, [&](auto& a) { return std::vector{over(sum(a[0], {1}, true)) * 2.f}; });
  check({x}, [&](auto& a) { return std::vector{exp(over(mean(a[0] * a[0], {1}, true)))}; });
  check({x, s}, [&](auto& a) { return std::vector{over(max(a[0])) * a[1], over(sum(a[0] * a[0], {1}, true)) * a[1]}; });
  check({i}, [&](auto& a) { return std::vector{over(max(a[0] + 1, {1}, true)) + 1}; });
  check({x}, [&](auto& a) { return std::vector{!over(any(a[0] * 2 > 1, {1}, true))}; });
  // The sum's elements repeat along its rows besides.
  check({s}, [&](auto& a) { return std::vector{over(sum(over(a[0]) * 2.f, {1}, true)) + 1.f}; });
}

TEST_CASE("what columns are reduced to is there for their elements, be it a result too", "[function]") {
  const Tensor x = random::normal({5, 4}, {.seed = 1}), y = random::normal({2, 5, 4}, {.seed = 2});
  const auto check = [](const std::vector<Tensor>& arguments, const Body& body) {
    kernels_of(arguments, body, any_number);
  };
  const auto both = [](const Tensor& t, const Tensor& m) { return std::vector{m, t - broadcast_to(m, t.shape())}; };
  check({x}, [&](auto& a) { return both(a[0], sum(a[0], {0}, true)); });
  check({x}, [&](auto& a) { return both(a[0], exp(max(a[0] * 2.f, {0}, true))); });
  check({y}, [&](auto& a) { return both(a[0], min(a[0], {1}, true)); });
  check({y}, [&](auto& a) { return both(a[0], sum(a[0], {0, 1}, true)); });
  check({x}, [&](auto& a) {
    GradientTape tape;
    tape.watch(a[0]);
    const Tensor m = max(a[0], 0);
    return std::vector{m, tape.gradient(m, a[0])};
  });
}
