// The rules of GradientTape, one test a rule.
#include <thread>

#include "catch.h"
#include "keen/autodiff/custom_gradient.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/log.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

using namespace keen;

TEST_CASE("operations on watched floating tensors are recorded, others are not", "[tape]") {
  Tensor x = constant(3.f), unwatched = constant(2.f);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor y = x * x * unwatched;
  CHECK(tape.gradient(y, x).item<float>() == 12);
  CHECK_FALSE(tape.gradient(y, unwatched).defined());
  Tensor whole = cast(x, int32);
  CHECK_FALSE(tape.gradient(cast(whole, float32), x).defined());
}

TEST_CASE("trainable variables are watched when read", "[tape]") {
  Variable w(2.f), frozen(3.f, {.trainable = false});
  GradientTape tape({.persistent = true});
  Tensor y = w * w * frozen;
  CHECK(tape.gradient(y, w).item<float>() == 12);
  CHECK_FALSE(tape.gradient(y, frozen).defined());
  CHECK(tape.watched_variables().size() == 1);

  GradientTape quiet({.watch_accessed_variables = false});
  Tensor z = w * w;
  CHECK_FALSE(quiet.gradient(z, w).defined());

  GradientTape asked({.watch_accessed_variables = false});
  asked.watch(frozen);
  CHECK(asked.gradient(w * frozen, frozen).item<float>() == 2);
}

TEST_CASE("watching an integer tensor warns", "[tape]") {
  std::string heard;
  set_log_handler([&](LogLevel, std::string_view line) { heard = line; });
  GradientTape tape;
  tape.watch(constant(1));
  set_log_handler({});
  CHECK(heard.find("int32") != std::string::npos);
}

TEST_CASE("a spent tape says how to ask several times", "[tape]") {
  Tensor x = constant(2.f);
  GradientTape tape;
  tape.watch(x);
  Tensor y = x * x;
  CHECK(tape.gradient(y, x).item<float>() == 4);
  CHECK_THROWS_WITH(tape.gradient(y, x), Catch::Contains("{.persistent = true}"));
  CHECK_THROWS_AS(tape.watch(x), UsageError);
  tape.reset();
  tape.watch(x);
  CHECK(tape.gradient(x * x * x, x).item<float>() == 12);
}

TEST_CASE("recording pauses in a scope and ends with stop", "[tape]") {
  Tensor x = constant(2.f);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor inside, after;
  {
    auto pause = tape.stop_recording();
    inside = x * x;
  }
  Tensor y = x * 3;
  tape.stop();
  after = x * 5;
  CHECK_FALSE(tape.gradient(inside, x).defined());
  CHECK(tape.gradient(y, x).item<float>() == 3);
  CHECK_FALSE(tape.gradient(after, x).defined());
}

TEST_CASE("seeds weigh the targets, whose gradients add", "[tape]") {
  Tensor x = constant({1.f, 2.f});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor y = x * x, z = x * 3;
  Tensor g = tape.gradient(y, x, {.output_gradients = {constant({1.f, 10.f})}});
  CHECK(g.to_vector<float>() == std::vector<float>{2, 40});
  CHECK(tape.gradient(std::vector<Tensor>{y, z}, x).to_vector<float>() == std::vector<float>{5, 7});
  CHECK_THROWS_AS(tape.gradient(y, x, {.output_gradients = {constant(1.f)}}), ShapeError);
}

TEST_CASE("the result has the structure of the sources", "[tape]") {
  Tensor a = constant(2.f), b = constant(3.f);
  GradientTape tape({.persistent = true});
  tape.watch({a, b});
  Tensor y = a * b;
  auto [da, db] = tape.gradient(y, {a, b});
  CHECK(da.item<float>() == 3);
  CHECK(db.item<float>() == 2);
  CHECK(tape.gradient(y, std::vector<Tensor>{a, b}).size() == 2);
  auto [alone] = tape.gradient(y, {a});
  CHECK(alone.item<float>() == 3);
  Tensor same = tape.gradient(y, a);
  CHECK(same.item<float>() == 3);
}

TEST_CASE("a source that is also a target gets ones, and an intermediate source lets the gradient through", "[tape]") {
  Tensor x = constant(2.f);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor y = x * x, z = y * y;
  CHECK(tape.gradient(x, x).item<float>() == 1);
  auto [dy, dx] = tape.gradient(z, {y, x});
  CHECK(dy.item<float>() == 8);
  CHECK(dx.item<float>() == 32);
}

TEST_CASE("an unconnected source gives nothing, or zeros when asked", "[tape]") {
  Tensor x = constant({1.f, 2.f}), other = constant(1.f);
  GradientTape tape({.persistent = true});
  tape.watch({x, other});
  Tensor y = other * 2;
  CHECK_FALSE(tape.gradient(y, x).defined());
  CHECK(tape.gradient(y, x, {.unconnected = Unconnected::zero}).to_vector<float>() == std::vector<float>{0, 0});
  CHECK_FALSE(tape.gradient(floor(x), x).defined());
}

TEST_CASE("gradients taken while a persistent tape records are recorded", "[tape]") {
  Tensor x = constant(3.f);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor y = x * x * x;
  Tensor dy = tape.gradient(y, x);
  CHECK(dy.item<float>() == 27);
  CHECK(tape.gradient(dy, x).item<float>() == 18);
}

TEST_CASE("nested tapes give higher orders", "[tape]") {
  Tensor x = constant(2.f);
  GradientTape outer;
  outer.watch(x);
  Tensor second;
  {
    GradientTape middle;
    middle.watch(x);
    Tensor first;
    {
      GradientTape inner;
      inner.watch(x);
      first = inner.gradient(pow(x, 4), x);
    }
    second = middle.gradient(first, x);
  }
  CHECK(second.item<float>() == Approx(48));
  CHECK(outer.gradient(second, x).item<float>() == Approx(48));
}

TEST_CASE("tapes may end in any order", "[tape]") {
  Tensor x = constant(2.f);
  auto first = std::make_unique<GradientTape>();
  auto second = std::make_unique<GradientTape>();
  first->watch(x);
  second->watch(x);
  Tensor y = x * x;
  first.reset();
  Tensor z = y * x;
  CHECK(second->gradient(z, x).item<float>() == 12);
}

TEST_CASE("a tape may end where observers are hidden", "[tape]") {
  const Tensor x = constant(3.f);
  GradientTape outer;
  outer.watch(x);
  auto stopped = std::make_unique<GradientTape>(), asked = std::make_unique<GradientTape>(),
       ended = std::make_unique<GradientTape>();
  for (auto* tape : {&stopped, &asked, &ended}) (*tape)->watch(x);
  const Tensor y = x * x;
  Tensor inside;
  recompute_grad([&](const std::vector<Tensor>& in) {
    stopped->stop();
    inside = asked->gradient(y, x);
    ended.reset();
    return in[0] * 2;
  })({x});
  CHECK(inside.item<float>() == 6);
  CHECK(stopped->gradient(y, x).item<float>() == 6);
  stopped.reset();
  asked.reset();
  const std::vector<std::string> elsewhere(2000, std::string(400, 'A'));  // where the dead ones lay
  CHECK(outer.gradient(y + x * x, x).item<float>() == 12);
}

TEST_CASE("a pause inside a hidden body leaves the tapes around it alone", "[tape]") {
  const Tensor x = constant(3.f);
  GradientTape outer, inner;
  outer.watch(x);
  inner.watch(x);
  recompute_grad([&](const std::vector<Tensor>& in) {
    auto pause = inner.stop_recording();
    return in[0] * 2;
  })({x});
  const Tensor y = x * x;
  CHECK(inner.gradient(y, x).item<float>() == 6);
  CHECK(outer.gradient(y, x).item<float>() == 6);
}

TEST_CASE("a tape that a custom function makes and keeps records on", "[tape]") {
  const Tensor x = constant(3.f);
  std::unique_ptr<GradientTape> kept;
  GradientTape outer;
  outer.watch(x);
  recompute_grad([&](const std::vector<Tensor>& in) {
    kept = std::make_unique<GradientTape>();
    return in[0] * 2;
  })({x});
  kept->watch(x);
  const Tensor y = x * x;
  CHECK(kept->gradient(y, x).item<float>() == 6);
  CHECK(outer.gradient(y, x).item<float>() == 6);
}

TEST_CASE("a tape may outlive the thread that made it", "[tape][threads]") {
  std::vector<std::unique_ptr<GradientTape>> tapes(8);
  for (auto& tape : tapes) std::thread([&] { tape = std::make_unique<GradientTape>(); }).join();
  tapes.clear();
  const Tensor x = constant(3.f);
  GradientTape tape;
  tape.watch(x);
  CHECK(tape.gradient(x * x, x).item<float>() == 6);
}

TEST_CASE("the gradient of gather is sparse, and sums of sparse gradients stay so", "[tape]") {
  Variable table(ones({4, 2}));
  GradientTape tape({.persistent = true});
  Tensor a = gather(table, constant({1, 3, 1})), b = gather(table, constant({0}));
  Tensor g = tape.gradient(sum(a) * 2 + sum(b), table);
  REQUIRE(g.is_sparse());
  CHECK(g.shape() == Shape{4, 2});
  CHECK(g.indices().size() == 4);
  CHECK((g + 0).to_vector<float>() == std::vector<float>{1, 1, 4, 4, 0, 0, 2, 2});
  Tensor mixed = tape.gradient(sum(a) + sum(table * 1), table);
  CHECK_FALSE(mixed.is_sparse());
  CHECK(mixed.to_vector<float>() == std::vector<float>{1, 1, 3, 3, 1, 1, 2, 2});
}

TEST_CASE("a sparse gradient is a target like any other", "[tape]") {
  Tensor x = constant({1.f, 2.f, 3.f}), i = constant({0, 0, 2});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor g = tape.gradient(sum(pow(x[i], 3)), x);  // 3x² as often as x is taken: sparse
  REQUIRE(g.is_sparse());
  CHECK(array_equal(tape.gradient(g, x), constant({12.f, 0.f, 18.f})));
  Tensor weighed = tape.gradient(g, x, {.output_gradients = {constant({10.f, 20.f, 30.f})}});
  CHECK(array_equal(weighed, constant({120.f, 0.f, 540.f})));
}

TEST_CASE("assignments between reads do not disturb what was recorded", "[tape]") {
  Variable w(3.f);
  GradientTape tape;
  Tensor y = w * w;
  w.assign(100.f);
  w.assign_add(1.f);
  CHECK(tape.gradient(y, w).item<float>() == 6);
}

TEST_CASE("two threads with two tapes do not meet", "[tape][threads]") {
  Tensor x = constant(2.f);
  auto work = [&x](float factor, float& result) {
    for (int i = 0; i < 200; ++i) {
      GradientTape tape;
      tape.watch(x);
      result = tape.gradient(x * x * factor, x).item<float>();
    }
  };
  float a = 0, b = 0;
  std::thread other(work, 1.f, std::ref(a));
  work(2.f, b);
  other.join();
  CHECK(a == 4);
  CHECK(b == 8);
}

TEST_CASE("broadcast operands get gradients of their own shape", "[tape]") {
  Tensor x = ones({2, 3}), row = constant({1.f, 2.f, 3.f}), column = constant({{1.f}, {2.f}}), number = constant(2.f);
  GradientTape tape;
  tape.watch({x, row, column, number});
  auto [dx, drow, dcolumn, dnumber] = tape.gradient(x * row * column * number, {x, row, column, number});
  CHECK(dx.shape() == Shape{2, 3});
  CHECK(drow.to_vector<float>() == std::vector<float>{6, 6, 6});
  CHECK(dcolumn.to_vector<float>() == std::vector<float>{12, 12});
  CHECK(dnumber.item<float>() == 18);
}

TEST_CASE("an operation may have more operands than 16 bits count", "[tape]") {
  Tensor v = constant(1.f), w = constant(2.f);
  std::vector<Tensor> parts(70'000, w.reshape({1}));
  GradientTape tape;
  tape.watch({v, w});
  parts.assign(70'000, w.reshape({1}));
  for (int i = 0; i < 100; ++i) parts[static_cast<std::size_t>(i)] = v.reshape({1});
  auto [dv, dw] = tape.gradient(sum(concat(parts)), {v, w});
  CHECK(dv.item<float>() == 100);
  CHECK(dw.item<float>() == 69'900);
}

TEST_CASE("output gradients that do not fit leave the tape as it was", "[tape]") {
  Tensor x = constant(3.f);
  GradientTape tape;
  tape.watch(x);
  Tensor y = x * x;
  CHECK_THROWS_AS(tape.gradient(y, x, {.output_gradients = {zeros({2})}}), ShapeError);
  CHECK(tape.gradient(y, x).item<float>() == 6);
}

TEST_CASE("custom gradients take no undefined tensors", "[tape]") {
  GradientTape tape;
  auto f = custom_gradient([](const std::vector<Tensor>& in) {
    return std::pair{in[0], CustomGradient([](const Tensor& dy) { return std::vector{dy}; })};
  });
  CHECK_THROWS_AS(f({Tensor()}), UsageError);
}

TEST_CASE("a tape is refused to threads that did not make it", "[tape][threads]") {
  Tensor x = constant(2.f);
  GradientTape tape;
  tape.watch(x);
  std::vector<std::string> errors;
  const auto attempt = [&](auto call) {
    try {
      call();
      errors.emplace_back("none");
    } catch (const UsageError& error) {
      errors.emplace_back(error.what());
    }
  };
  std::thread([&] {
    attempt([&] { tape.watch(x); });
    attempt([&] { tape.stop(); });
    attempt([&] { tape.reset(); });
    attempt([&] { auto pause = tape.stop_recording(); });
    attempt([&] { tape.watched_variables(); });
    attempt([&] { tape.gradient(x, x); });
  }).join();
  const char* const names[] = {"[watch]", "[stop]", "[reset]", "[stop_recording]", "[watched_variables]", "[gradient]"};
  REQUIRE(errors.size() == std::size(names));
  for (std::size_t i = 0; i < errors.size(); ++i) {
    CHECK(errors[i].find(names[i]) == 0);
    CHECK(errors[i].find("thread") != std::string::npos);
  }
  CHECK(tape.gradient(x * x, x).item<float>() == 4);  // and nothing was disturbed
}

TEST_CASE("a pause may outlive its tape, and end in another thread", "[tape]") {
  Tensor x = constant(2.f);
  auto tape = std::make_unique<GradientTape>();
  {
    auto pause = tape->stop_recording();
    tape.reset();
  }
  CHECK((x * x).item<float>() == 4);
  int lines = 0;
  set_log_handler([&](LogLevel, std::string_view) { ++lines; });
  GradientTape other({.persistent = true});
  other.watch(x);
  auto* pause = new GradientTape::Pause(other.stop_recording());
  std::thread([&] { delete pause; }).join();
  set_log_handler({});
  CHECK(lines == 1);
  CHECK_FALSE(other.gradient(x * x, x).defined());  // it stays paused
}
