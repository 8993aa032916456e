// keen::function: traced once a signature, replayed from then on.
#include "keen/function/function.h"

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"

using namespace keen;

TEST_CASE("a function is traced once a signature", "[function]") {
  int runs = 0;
  auto f = function([&](const Tensor& x, const Tensor& y) {
    ++runs;
    return x * y + 1;
  });
  CHECK(array_equal(f(constant({1.f, 2.f}), 3.f), constant({4.f, 7.f})));
  CHECK(array_equal(f(constant({3.f, 4.f}), 5.f), constant({16.f, 21.f})));
  CHECK(runs == 1);
  f(constant({1.f, 2.f, 3.f}), 3.f);  // another shape
  f(constant({1, 2}), 3);             // another dtype
  CHECK(runs == 3);
  CHECK(f.trace_count() == 3);
}

TEST_CASE("a Tensor parameter takes numbers, a generic one keeps them as they are", "[function]") {
  auto add_all = function([](Tensor x, Tensor y) { return x + y; });
  CHECK(add_all(2, 3).item<int>() == 5);
  add_all(4, 5);
  CHECK(add_all.trace_count() == 1);
  auto scaled = function([](const auto& x, auto factor) { return x * factor; });
  CHECK(scaled(constant(2.f), 3).item<float>() == 6);
  CHECK(scaled(constant(2.f), 4).item<float>() == 8);
  CHECK(scaled.trace_count() == 2);  // one a value
}

TEST_CASE("results keep their structure", "[function]") {
  auto f = function([](Tensor x, Tensor y) {
    Tensor s = add(x, y), m = multiply(x, y);
    return std::tuple{pow(s, m), multiply(x, s)};
  });
  auto [z, useless] = f(2, 3);
  CHECK(z.item<int>() == 15625);
  CHECK(useless.item<int>() == 10);

  auto several = function([](const std::vector<Tensor>& xs, std::pair<Tensor, float> p) {
    std::vector<Tensor> out;
    for (const auto& x : xs) out.push_back(x * p.second + p.first);
    return std::pair{out, 7};
  });
  auto [list, seven] = several({constant(1.f), constant(2.f)}, {constant(10.f), 3.f});
  REQUIRE(list.size() == 2);
  CHECK(list[1].item<float>() == 16);
  CHECK(seven == 7);

  int runs = 0;
  auto nothing = function([&](const Tensor&) { ++runs; });
  nothing(1.f);
  nothing(1.f);
  CHECK(runs == 1);
}

TEST_CASE("results may be arguments and tensors from outside", "[function]") {
  const Tensor outside = constant({1.f, 2.f});
  auto f = function([&](const Tensor& x) { return std::array{x, outside, Tensor()}; });
  const Tensor x = constant(5.f);
  const auto [a, b, c] = f(x);
  CHECK(a.item<float>() == 5);
  CHECK(array_equal(b, outside));
  CHECK_FALSE(c.defined());
}

TEST_CASE("an input_signature makes one trace serve every fitting argument", "[function]") {
  Variable weight(ones({4, 1}), {.name = "weight"});
  auto predict = function(
      [&](const Tensor& d) { return matmul(d, weight); }, {.input_signature = {TensorSpec({unknown, 4}, float32)}});
  CHECK(predict(ones({3, 4})).shape() == Shape{3, 1});
  CHECK(predict(ones({7, 4})).shape() == Shape{7, 1});
  CHECK(predict.trace_count() == 1);
  CHECK_THROWS_AS(predict(ones({3, 5})), ShapeError);
  CHECK_THROWS_AS(predict(ones({4})), ShapeError);
  CHECK_THROWS_AS(predict(ones({3, 4}, {.dtype = float64})), DTypeError);
  CHECK(
      predict.graph() ==
      "%0: float32(?, 4) = input\n%1: float32(4, 1) = read_variable() variable='weight'\n"
      "%2: float32(?, 1) = matmul(%0, %1)\nreturn %2\n");
}

TEST_CASE("captured variables are read at each call and never cause a trace", "[function]") {
  Variable v(1.f);
  auto f = function([&](const Tensor& x) {
    v.assign_add(x);
    return v.value() * 2;
  });
  CHECK(f(1.f).item<float>() == 4);
  v.assign(10.f);
  CHECK(f(1.f).item<float>() == 22);
  CHECK(v.item<float>() == 11);
  CHECK(f.trace_count() == 1);
}

TEST_CASE("variables as arguments count by identity", "[function]") {
  Variable a(1.f), b(2.f);
  auto twice = function([](Variable v, const Tensor& x) { return v * 2 + x; });
  CHECK(twice(a, 1.f).item<float>() == 3);
  CHECK(twice(b, 1.f).item<float>() == 5);
  a.assign(4.f);
  CHECK(twice(a, 1.f).item<float>() == 9);
  CHECK(twice.trace_count() == 2);
}

TEST_CASE("random draws in a function are the eager ones", "[function]") {
  auto f = function([] { return random::normal({3}) + random::uniform({3}); });
  set_seed(5);
  const Tensor a = f(), b = f();
  set_seed(5);
  CHECK(array_equal(a, random::normal({3}) + random::uniform({3})));
  CHECK(array_equal(b, random::normal({3}) + random::uniform({3})));
  CHECK_FALSE(array_equal(a, b));
}

TEST_CASE("gradients flow through a call, to second order", "[function]") {
  auto cube = function([](const Tensor& x) { return x * x * x; });
  const Tensor x = constant(2.f);
  GradientTape outer;
  outer.watch(x);
  GradientTape inner;
  inner.watch(x);
  const Tensor dy = inner.gradient(cube(x), x);
  CHECK(dy.item<float>() == 12);
  CHECK(outer.gradient(dy, x).item<float>() == 12);

  Variable w(3.f);
  auto scaled = function([&](const Tensor& t) { return w * t * w; });
  GradientTape tape;
  const Tensor y = scaled(5.f);
  CHECK(tape.gradient(y, w).item<float>() == 30);
}

TEST_CASE("a whole training step runs as one function", "[function]") {
  Variable w(0.f);
  auto step = function([&](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    Tensor loss = mean(square(w * x - y));
    w.assign_sub(tape.gradient(loss, w) * 0.1f);
    return loss;
  });
  const Tensor x = constant({1.f, 2.f, 3.f}), y = x * 4;
  for (int i = 0; i < 60; ++i) step(x, y);
  CHECK(w.item<float>() == Approx(4).margin(1e-4));
  CHECK(step.trace_count() == 1);
}

TEST_CASE("functions inside functions are taken up by the outer trace", "[function]") {
  auto inner = function([](const Tensor& x) { return exp(x); });
  auto outer = function([&](const Tensor& x) { return inner(x) + inner(x * 2); });
  CHECK(array_equal(outer(1.f), exp(constant(1.f)) + exp(constant(2.f))));
  CHECK(inner.trace_count() == 0);
}

TEST_CASE("a tensor that leaks out of its trace is a UsageError when used", "[function]") {
  Tensor leaked;
  auto f = function([&](const Tensor& x) {
    leaked = x * 2;
    return leaked + 1;
  });
  CHECK(f(1.f).item<float>() == 3);
  CHECK_THROWS_AS(leaked + 1, UsageError);
  CHECK_THROWS_AS(leaked.item<float>(), UsageError);
  CHECK_THROWS_AS(f(leaked), UsageError);
  auto other = function([&](const Tensor& x) { return x + leaked; });
  CHECK_THROWS_AS(other(1.f), UsageError);
}

TEST_CASE("an error while tracing leaves the function usable", "[function]") {
  bool broken = true;
  auto f = function([&](const Tensor& x) { return broken ? matmul(x, ones({5, 5})) : x; });
  CHECK_THROWS_AS(f(ones({2, 3})), ShapeError);
  broken = false;
  CHECK(f(ones({2, 3})).shape() == Shape{2, 3});
  CHECK_THROWS_AS(function([](const Tensor& x) { return x; }).graph(), UsageError);
}

TEST_CASE("functions run eagerly on request", "[function]") {
  int runs = 0;
  auto f = function([&](const Tensor& x) {
    ++runs;
    return x + 1;
  });
  run_functions_eagerly(true);
  f(1.f);
  f(1.f);
  run_functions_eagerly(false);
  CHECK(runs == 2);
  CHECK(f.trace_count() == 0);
}

TEST_CASE(
    "functions hold arguments to their input_signature also inside others and where they run eagerly", "[function]") {
  auto inner =
      function([](const Tensor& x) { return x * 2; }, {.input_signature = {TensorSpec({unknown, 3})}, .name = "inner"});
  const auto around = [&](const Tensor& x) { return inner(x) + 1; };
  auto outer = function(around), open = function(around, {.input_signature = {TensorSpec({unknown, unknown})}});
  struct Eagerly {
    explicit Eagerly(bool on) { run_functions_eagerly(on); }
    ~Eagerly() { run_functions_eagerly(false); }
  };
  for (bool on : {false, true}) {
    INFO(on);
    const Eagerly eagerly(on);
    for (auto* f : {&outer, &open}) {
      CHECK(array_equal((*f)(ones({2, 3})), ones({2, 3}) * 3));
      if (f == &outer || on) CHECK_THROWS_AS((*f)(ones({2, 4})), ShapeError);
    }
    CHECK_THROWS_AS(inner(ones({2, 4})), ShapeError);
    CHECK_THROWS_AS(inner(ones({2, 3}, {.dtype = int32})), DTypeError);
    CHECK_THROWS_WITH(
        inner(Tensor()), "[inner] tensor argument 0 is undefined, and the input_signature wants float32(?, 3)");
  }
}
