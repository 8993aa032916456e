// custom_gradient and recompute_grad.
#include "keen/autodiff/custom_gradient.h"
#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"

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
