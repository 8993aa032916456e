// Signatures: what arguments and results may be, what causes a trace, and what a function says when traces get many.
#include <cmath>

#include "catch.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/log.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/reduce.h"
#include "log_lines.h"

using namespace keen;
using test::LogLines;

namespace {

enum class Mode { add, multiply };
struct Point {
  Tensor x, y;
};
struct Scene {
  Point at;
  std::vector<Tensor> weights;
  Mode mode = Mode::add;
  int turns = 1;
};

}  // namespace

TEST_CASE("aggregates, enums, strings, maps and optionals go in and come out", "[function]") {
  int traces = 0;
  auto f = function([&](const Scene& s, const std::string& name, const std::map<std::string, Tensor>& extra,
                        std::optional<Tensor> last) {
    ++traces;
    Tensor sum = s.mode == Mode::add ? s.at.x + s.at.y : s.at.x * s.at.y;
    for (int i = 0; i < s.turns; ++i)
      for (const Tensor& w : s.weights) sum = sum * w;
    return Scene{{sum, name == "bare" ? s.at.x : extra.at("bias")}, {last ? *last : sum}, s.mode, s.turns + 1};
  });
  Scene scene{{constant(2.f), constant(3.f)}, {constant(10.f)}, Mode::multiply, 2};
  Scene out = f(scene, "bare", {}, {});
  CHECK(out.at.x.item<float>() == 600);
  CHECK(out.at.y.item<float>() == 2);
  CHECK(out.turns == 3);
  CHECK(out.mode == Mode::multiply);
  out = f(scene, "full", {{"bias", constant(7.f)}}, constant(8.f));
  CHECK(out.at.y.item<float>() == 7);
  CHECK(out.weights[0].item<float>() == 8);
  CHECK(traces == 2);
  scene.at.x = constant(4.f);  // another value, the same form
  CHECK(f(scene, "bare", {}, {}).at.x.item<float>() == 1200);
  CHECK(traces == 2);
  scene.mode = Mode::add;
  f(scene, "bare", {}, {});
  scene.weights.push_back(constant(1.f));
  f(scene, "bare", {}, {});
  scene.turns = 1;
  CHECK(f(scene, "bare", {}, {}).at.x.item<float>() == 70);
  CHECK(traces == 5);
}

TEST_CASE("many and long arguments keep their values apart", "[function]") {
  auto f =
      function([](const std::vector<Tensor>& xs, const std::string& text) { return xs[0] * 2 + xs[19] + text.size(); });
  std::vector<Tensor> xs;
  for (int i = 0; i < 20; ++i) xs.push_back(constant(static_cast<float>(i)));
  CHECK(f(xs, std::string(300, 'a')).item<float>() == 319);
  xs[0] = constant(1.f);
  CHECK(f(xs, std::string(300, 'a')).item<float>() == 321);
  CHECK(f.trace_count() == 1);
  CHECK(f(xs, std::string(299, 'a') + 'b').item<float>() == 321);
  CHECK(f.trace_count() == 2);
}

TEST_CASE("reduce_retracing leaves open what differs", "[function]") {
  auto f = function([](const Tensor& x) { return sum(x * 2, -1); }, {.reduce_retracing = true});
  CHECK(f(ones({2, 3})).shape() == Shape{2});
  CHECK(f(ones({4, 3})).shape() == Shape{4});  // float32(?, 3)
  CHECK(f(ones({7, 3})).shape() == Shape{7});
  CHECK(f.trace_count() == 2);
  CHECK(f(ones({7, 5})).to_vector<float>()[6] == 10);  // float32(?, ?)
  CHECK(f(ones({1, 9})).item<float>() == 18);
  CHECK(f.trace_count() == 3);
  f(ones({2, 2, 2}));  // another rank has nothing in common
  f(ones({2, 3}, {.dtype = float64}));
  CHECK(f.trace_count() == 5);
}

TEST_CASE("a function that is traced five times in ten calls warns once and says what changed", "[function]") {
  LogLines log;
  auto f = function([](const Tensor& x, float factor) { return x * factor; }, {.name = "scale"});
  for (int i = 0; i < 4; ++i) f(ones({2}), static_cast<float>(i));
  CHECK(log.lines.empty());
  for (int i = 4; i < 9; ++i) f(ones({2}), static_cast<float>(i));
  REQUIRE(log.lines.size() == 1);
  INFO(log.lines[0]);
  CHECK(log.lines[0].find("[scale]") != std::string::npos);
  CHECK(log.lines[0].find("argument 1 was the number 3 and is the number 4") != std::string::npos);

  auto g = function([](const Tensor& x) { return x + 1; });
  for (int i = 1; i < 5; ++i)
    for (int k = 0; k < 4; ++k) g(ones({i}));
  CHECK(log.lines.size() == 1);  // four traces in sixteen calls are no reason
}

TEST_CASE("results may not depend on which variable had an address before", "[function]") {
  auto f = function([](Variable v) { return v * 1.f; });
  for (int i = 0; i < 4; ++i) {
    Variable v(static_cast<float>(i));
    CHECK(f(v).item<float>() == static_cast<float>(i));
  }
  CHECK(f.trace_count() == 4);
}

TEST_CASE("the warning of many traces advises what is not done yet", "[function]") {
  const auto warning = [](const FunctionOptions& options, const auto& argument) {
    LogLines log;
    auto f = function([](const Tensor& x) { return x * 2; }, options);
    for (int i = 1; i < 9; ++i) f(argument(i));
    REQUIRE(log.lines.size() == 1);
    return log.lines[0];
  };
  const auto longer = [](int i) { return ones({i}); };
  CHECK(warning({}, longer).find("reduce_retracing") != std::string::npos);
  const auto deeper = [](int i) { return ones(Shape::filled(i, 1)); };
  CHECK(warning({.reduce_retracing = true}, deeper).find("reduce_retracing") == std::string::npos);
  CHECK(warning({.reduce_retracing = true}, deeper).find("each dtype, rank") != std::string::npos);
  LogLines log;
  auto grows = function([](const Tensor& x) { return sum(x); }, {.reduce_retracing = true});
  for (int axis = 0; axis < 5; ++axis) {  // an axis more is left open each time
    Shape shape{1, 1, 1, 1, 1};
    for (int i = 0; i <= axis; ++i) shape[i] = 2 + axis;
    grows(ones(shape));
  }
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].find("in an input_signature, as unknown") != std::string::npos);
  CHECK(log.lines[0].find("reduce_retracing") == std::string::npos);
}

TEST_CASE("numbers are told apart by what may be computed from them", "[function]") {
  auto f = function([](const Tensor& x, double by) { return x / by; });
  CHECK(f(1.f, 0.0).item<float>() == INFINITY);
  CHECK(f(1.f, -0.0).item<float>() == -INFINITY);
  CHECK(f.trace_count() == 2);
  for (double nan : {std::nan("1"), -std::nan("2"), std::nan("")}) CHECK(std::isnan(f(1.f, nan).item<float>()));
  CHECK(f.trace_count() == 3);
}

TEST_CASE("a function keeps its 256 newest traces", "[function][signature]") {
  const LogLines lines;  // the warning of many traces
  int traced = 0;
  auto f = function([&](const Tensor& x, int k) { return ++traced, x + k; });
  for (int k = 0; k < 300; ++k) CHECK(f(constant(1), k).item<int>() == k + 1);
  CHECK(f.trace_count() == 256);
  CHECK(f(constant(1), 299).item<int>() == 300);
  CHECK(traced == 300);
  CHECK(f(constant(1), 0).item<int>() == 1);
  CHECK(traced == 301);
}
