// custom_gradient and recompute_grad.
#include "keen/autodiff/custom_gradient.h"
#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/random.h"

using namespace keen;

TEST_CASE("custom_gradient uses the function's own gradient", "[tape]") {
  auto f = custom_gradient([](const std::vector<Tensor>& x) {
    return std::pair<Tensor, CustomGradient>{
        square(x[0]), [](const Tensor& dy) { return std::vector<Tensor>{dy * 100}; }};
  });
  Tensor x = constant(3.f);
  GradientTape tape;
  tape.watch(x);
  Tensor y = f({x}) * 2;
  CHECK(y.item<float>() == 18);
  CHECK(tape.gradient(y, x).item<float>() == 200);
}

TEST_CASE("variables that a custom function reads get gradients", "[tape]") {
  Variable w(5.f);
  auto f = custom_gradient([&](const std::vector<Tensor>& x) {
    Tensor value = w.value();
    return std::pair<Tensor, CustomGradient>{x[0] * value, [x, value](const Tensor& dy) {
                                               return std::vector<Tensor>{dy * value, dy * x[0]};
                                             }};
  });
  Tensor x = constant(3.f);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor y = f({x});
  CHECK(tape.gradient(y, x).item<float>() == 5);
  CHECK(tape.gradient(y, w).item<float>() == 3);
}

TEST_CASE("a custom gradient of the wrong count or shape is an error", "[tape]") {
  auto wrong = [](std::vector<Tensor> gradients) {
    auto f = custom_gradient([=](const std::vector<Tensor>& x) {
      return std::pair<Tensor, CustomGradient>{x[0] * 1, [=](const Tensor&) { return gradients; }};
    });
    Tensor x = constant({1.f, 2.f});
    GradientTape tape;
    tape.watch(x);
    Tensor y = f({x});
    tape.gradient(y, x);
  };
  CHECK_THROWS_AS(wrong({}), UsageError);
  CHECK_THROWS_AS(wrong({constant(1.f), constant(1.f)}), UsageError);
  CHECK_THROWS_AS(wrong({constant(1.f)}), ShapeError);
}

TEST_CASE("recompute_grad runs the function again and gives the same gradients, to second order", "[tape]") {
  int runs = 0;
  Variable w(2.f);
  auto f = recompute_grad([&](const std::vector<Tensor>& x) {
    ++runs;
    return pow(x[0], 3) * w;
  });
  Tensor x = constant(2.f);
  GradientTape outer;
  outer.watch(x);
  Tensor dx;
  {
    GradientTape inner({.persistent = true});
    inner.watch(x);
    Tensor y = f({x});
    CHECK(runs == 1);
    dx = inner.gradient(y, x);
    CHECK(runs == 2);
    CHECK(inner.gradient(y, w).item<float>() == 8);
  }
  CHECK(dx.item<float>() == 24);
  CHECK(outer.gradient(dx, x).item<float>() == 24);
}

TEST_CASE("recompute_grad draws the same numbers when it runs again", "[tape]") {
  auto f = recompute_grad([](const std::vector<Tensor>& x) {
    auto inner = recompute_grad([](const std::vector<Tensor>& in) { return in[0] * random::normal({5}); });
    const Tensor drawn_first = inner({x[0]});
    return drawn_first * cast(random::integers(1, 9, {5}), float32);
  });
  const auto step = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = f({x});
    return std::pair{y, tape.gradient(y, x)};
  };
  auto compiled = function(step);
  const Tensor x = full({5}, 2.f);
  for (int i = 0; i < 3; ++i) {
    const auto [y, dx] = step(x);
    CHECK(allclose(y, dx * 2.f));
    const auto [z, dz] = compiled(x);
    CHECK(allclose(z, dz * 2.f));
    CHECK(!array_equal(y, z));  // each call has draws of its own
  }
}

TEST_CASE("floating gradients take the dtype of what they belong to", "[tape]") {
  auto f = custom_gradient([](const std::vector<Tensor>& in) {
    return std::pair{in[0] * 2, CustomGradient([](const Tensor& dy) { return std::vector{dy.cast(float64) * 7}; })};
  });
  Tensor x = constant({1.f, 2.f});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor y = f({x});
  CHECK(tape.gradient(y, x).dtype() == float32);
  CHECK(tape.gradient(y, x).to_vector<float>() == std::vector<float>{7, 7});
  const Tensor seed = constant({1.f, 10.f}).cast(float64);
  CHECK(tape.gradient(y, x, {.output_gradients = {seed}}).to_vector<float>() == std::vector<float>{7, 70});
}
