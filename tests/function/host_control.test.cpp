// The host's own if, while, break and continue inside compiled functions: segments by answers, the prefix checked.
#include <thread>

#include "catch.h"
#include "keen/keen.h"
#include "log_lines.h"

using namespace keen;
using test::LogLines;

TEST_CASE("program 11: host control flow inside a compiled function", "[function][host]") {
  int runs = 0;
  const auto clip = [&](Tensor x, float limit) {
    ++runs;
    if (norm(x) > limit) x = x * (limit / norm(x));
    while (max(abs(x)) > 1.f) x = x * 0.5f;
    return x;
  };
  auto clipped = function(clip);
  const std::vector<Tensor> inputs{
      constant({0.1f, 0.2f}), constant({3.f, 4.f}), constant({30.f, 40.f}), constant({0.f, 9.f}),
      constant({-1.f, 1.f})};
  for (int round = 0; round < 3; ++round)
    for (const Tensor& x : inputs) {
      INFO(x.to_string());
      const int before = runs;
      const Tensor y = clipped(x, 7.f);
      if (round) CHECK(runs == before);  // every course is known
      CHECK(array_equal(y, clip(x, 7.f)));
    }
  CHECK(clipped.trace_count() == 1);
}

TEST_CASE("a loop of a hundred turns is traced in one run, and its turns share a program", "[function][host]") {
  int runs = 0;
  auto count = function([&](Tensor x) {
    ++runs;
    int turns = 0;
    while (x < 100.f) {
      x = x + 1;
      ++turns;
    }
    return std::pair{x, turns};
  });
  const auto [x, turns] = count(0.f);
  CHECK(x.item<float>() == 100);
  CHECK(turns == 100);
  CHECK(runs == 1);
  CHECK(count(0.f).second == 100);
  CHECK(runs == 1);
  CHECK(count(98.5f).second == 2);  // another end: one new run
  CHECK(runs == 2);
  CHECK(count(98.5f).first.item<float>() == 100.5f);
  CHECK(runs == 2);
  INFO(count.explain());
  CHECK(count.explain().find("103 segments, 4 different") != std::string::npos);
}

TEST_CASE("break, continue and nested loops mean what they mean eagerly", "[function][host]") {
  const auto walk = [](const Tensor& limit) {
    Tensor total = zeros({});
    for (int i = 0; i < 6; ++i) {
      if (limit == static_cast<float>(i)) continue;
      Tensor inner = total;
      for (int j = 0; j < 4; ++j) {
        inner = inner + 1;
        if (inner > limit * 2) break;
        total = total + inner;
      }
      if (total > 50) break;
    }
    return total;
  };
  auto f = function(walk);
  for (float limit : {0.f, 1.f, 2.f, 5.f, 20.f, 2.f, 5.f}) {
    INFO(limit);
    CHECK(array_equal(f(limit), walk(constant(limit))));
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("variable writes and draws of the known prefix are not repeated", "[function][host]") {
  Variable calls(0), draws(0.f);
  int host = 0;
  const auto body = [&](const Tensor& x) {
    ++host;
    calls.assign_add(1);
    const Tensor noise = random::uniform({});
    draws.assign_add(noise);
    if (x > 0) return x + noise;
    draws.assign_add(random::uniform({}));
    return x - noise;
  };
  const auto run = [&](auto& f) {
    calls.assign(0);
    draws.assign(0.f);
    set_seed(12);
    std::vector<float> out;
    for (float x : {1.f, -1.f, 2.f, -2.f, 3.f}) out.push_back(f(constant(x)).template item<float>());
    out.push_back(draws.item<float>());
    return out;
  };
  auto f = function(body);
  const auto compiled = run(f);
  CHECK(calls.item<int>() == 5);
  CHECK(host == 2);  // host effects are repeated for each branch that is new
  CHECK(compiled == run(body));
  CHECK(calls.item<int>() == 5);
}

TEST_CASE("integers make up to eight branches, floating values run eagerly with one warning", "[function][host]") {
  LogLines log;
  const auto repeat = [](const Tensor& x, const Tensor& n) {
    Tensor y = x;
    for (int i = 0; i < n.item<int>(); ++i) y = y * 2;
    return y;
  };
  auto f = function(repeat);
  for (int round = 0; round < 2; ++round)
    for (int n = 0; n < 8; ++n) CHECK(f(1.f, n).item<float>() == static_cast<float>(1 << n));
  CHECK(log.lines.empty());
  CHECK(f(1.f, 9).item<float>() == 512);
  CHECK(f(1.f, 10).item<float>() == 1024);
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].find("more than eight") != std::string::npos);
  CHECK(f(1.f, 3).item<float>() == 8);

  int runs = 0;
  Variable written(0.f);
  auto g = function([&](const Tensor& x) {
    ++runs;
    written.assign_add(1.f);
    const float value = (x * 2).item<float>();
    const auto all = (x + ones({2})).to_vector<float>();
    return x * value + all[1];
  });
  CHECK(g(3.f).item<float>() == 22);
  CHECK(g(4.f).item<float>() == 37);
  CHECK(runs == 2);
  CHECK(written.item<float>() == 2);
  REQUIRE(log.lines.size() == 2);
  CHECK(log.lines[1].find("host_control.test.cpp:") != std::string::npos);
  CHECK(log.lines[1].find("floating value") != std::string::npos);
}

TEST_CASE("a tree that grows past its limit warns once and runs eagerly", "[function][host]") {
  LogLines log;
  auto f = function([](Tensor x) {
    while (x < 3000.f) x = x + 1;
    return x;
  });
  CHECK(f(0.f).item<float>() == 3000);
  CHECK(f(1.5f).item<float>() == 3000.5f);
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].find("tree of segments is full") != std::string::npos);
  CHECK(log.lines[0].find("host_control.test.cpp:") != std::string::npos);
}

TEST_CASE("a program that changes between its runs is an error", "[function][host]") {
  bool other = false;
  auto f = function([&](const Tensor& x) {
    const Tensor y = other ? x * 3 : x * 2;
    if (y > 0) return y + 1;
    return y - 1;
  });
  CHECK(f(1.f).item<float>() == 3);
  other = true;
  CHECK(f(2.f).item<float>() == 5);  // the known course
  CHECK_THROWS_AS(f(-1.f), UsageError);
  other = false;
  CHECK(f(-1.f).item<float>() == -3);
}

TEST_CASE("gradients flow through decisions, from inside and outside", "[function][host]") {
  const auto f = [](const Tensor& x) {
    Tensor y = x * x;
    if (sum(y) > 10) y = y * x;
    while (max(y) > 5) y = y * 0.5;
    return sum(y * x);
  };
  const auto inside = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(f(x), x);
  };
  auto compiled = function(f);
  auto compiled_inside = function(inside);
  const auto outside = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(compiled(x), x);
  };
  for (int round = 0; round < 2; ++round)
    for (const Tensor& x : {constant({1.f, 2.f}), constant({3.f, -2.f}), constant({0.5f, 0.25f})}) {
      CHECK(allclose(compiled_inside(x), inside(x)));
      CHECK(allclose(outside(x), inside(x)));
    }

  auto eager_end = function([](const Tensor& x) { return x * x * (x * 3).item<float>(); });
  const Tensor x = constant(2.f);
  set_log_level(LogLevel::off);
  for (int round = 0; round < 2; ++round) {
    GradientTape tape;
    tape.watch(x);
    CHECK(tape.gradient(eager_end(x), x).item<float>() == 24);
  }
  set_log_level(LogLevel::warning);
}

TEST_CASE("decisions work with open sizes, staged loops and inner functions", "[function][host]") {
  auto inner = function([](const Tensor& x) { return x > 2.f ? x - 2 : x + 1; });
  const auto body = [&](const Tensor& x) {
    Tensor y = while_loop([](Tensor v) { return sum(v) < 20; }, [](Tensor v) { return v * 2; }, x);
    if (mean(y) > 4) y = y + ones({x.dim(0)});
    return inner(sum(y)) + zeros({});
  };
  auto f = function(body, {.input_signature = {TensorSpec({unknown})}});
  for (int n : {1, 3, 5, 3})
    for (float v : {0.5f, 7.f}) CHECK(array_equal(f(full({n}, v)), body(full({n}, v))));
  CHECK(f.trace_count() == 1);
}

TEST_CASE("a concrete function follows decisions, also those that are new to it", "[function][host]") {
  const auto body = [](Tensor x, float limit) {
    const bool large{norm(x) > limit};
    std::vector<Tensor> out{large ? x * (limit / norm(x)) : x};
    while (max(abs(out.back())) > 1.f) out.push_back(out.back() * 0.5f);
    return out;  // its length depends on the course
  };
  auto f = function(body);
  auto concrete = f.get_concrete_function(constant({3.f, 4.f}), 10.f);
  for (const Tensor& x : {constant({3.f, 4.f}), constant({30.f, 40.f}), constant({0.1f, 0.f}), constant({3.f, 4.f})}) {
    const auto got = concrete(x, 10.f), expected = body(x, 10.f);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(array_equal(got[i], expected[i]));
  }
  CHECK(f.trace_count() == 1);
  CHECK_THROWS_AS(concrete(constant({3.f, 4.f}), 9.f), UsageError);
  CHECK_THROWS_AS(concrete(constant({3.f}), 10.f), UsageError);
  // It keeps what it needs of its function, and may stand in another.
  const auto decides = [](const Tensor& x) { return x > 0 ? x * 2 : -x; };
  auto alone = function(decides).get_concrete_function(1.f);
  CHECK(alone(1.f).item<float>() == 2);
  CHECK(alone(-3.f).item<float>() == 3);
  auto around = function([&](const Tensor& x) { return alone(x + 1) * 10; });
  for (float v : {3.f, -3.f}) CHECK(around(v).item<float>() == decides(constant(v + 1)).item<float>() * 10);
}

TEST_CASE("where no decision can be followed it is an error", "[function][host]") {
  auto decides = function([](const Tensor& x) { return x > 0 ? x : -x; });
  CHECK_THROWS_AS(decides.get_concrete_function(TensorSpec(Shape{})), UsageError);
  CHECK_THROWS_AS(decides.get_concrete_function(1.f).prune({"x"}), UsageError);
  CHECK_THROWS_AS(function([](const Tensor& x) { return bool(x) ? x : -x; })(ones({2})), ShapeError);
  auto late = function([](const Tensor& x) {
    if (x > 0) Variable v(1.f);
    return x;
  });
  late(-1.f);
  CHECK_THROWS_AS(late(1.f), UsageError);
}

TEST_CASE("a function with decisions may be called from several threads", "[function][host]") {
  auto f = function([](Tensor x) {
    while (x > 1.f) x = x * 0.5f;
    return x;
  });
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const float x = static_cast<float>(1 << (i % 12)) * (t % 2 ? 1.f : 1.5f);
        right += f(constant(x)).item<float>() == (t % 2 ? 1.f : 0.75f) || x <= 1.f || x == 1.5f;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 160);
}

TEST_CASE("what gave a variable its first value need not come again behind a decision", "[function][host]") {
  std::optional<Variable> total;
  const auto f = function([&](const Tensor& x) {
    if (!total) total = Variable(zeros({3}));
    const Tensor start = zeros({3});
    total->assign_add(x);
    if (sum(x) > 0) return total->value() * 2 + start;
    return total->value() * 3 + start;
  });
  CHECK(array_equal(f(ones({3})), full({3}, 2.f)));
  CHECK(array_equal(f(-ones({3})), zeros({3})));
  CHECK(array_equal(f(-ones({3})), full({3}, -3.f)));
  CHECK(array_equal(f(ones({3})), zeros({3})));
}

TEST_CASE("the truth and the item of a vector are the errors of eager code", "[function][host]") {
  const auto branch = function([](const Tensor& x) { return x > 0 ? x : -x; });
  CHECK_THROWS_WITH(branch(ones({2})), Catch::Contains("[bool]") && Catch::Contains("any()"));
  const auto item = function([](const Tensor& x) { return x * x.item<float>(); });
  CHECK_THROWS_WITH(item(ones({2})), Catch::Contains("to_vector") && Catch::Contains("host_control.test.cpp"));
  const auto open =
      function([](const Tensor& x) { return x > 0 ? x : -x; }, {.input_signature = {TensorSpec({unknown})}});
  CHECK(open(constant({-2.f})).item<float>() == 2);
  CHECK_THROWS_WITH(open(ones({2})), Catch::Contains("[bool]") && Catch::Contains("any()"));
}

TEST_CASE("an optimizer that is built may take its first step behind a decision", "[function][host]") {
  const auto run = [](bool compiled) {
    Variable w(ones({2, 2})), sum_of_gradients(zeros({2, 2}));
    const optimizers::Adam adam(0.1f);
    adam.build({w});
    CHECK(adam.variables().size() > 3);
    const auto step = [&](const Tensor& x, const Tensor& last) {
      GradientTape tape;
      const Tensor loss = sum(square(matmul(x, w)));
      sum_of_gradients.assign_add(tape.gradient(loss, w));
      if (last) {
        adam.apply_gradients({sum_of_gradients.value()}, {w});
        sum_of_gradients.assign(zeros({2, 2}));
      }
      return loss;
    };
    const auto f = function(step);
    for (int i = 0; i < 6; ++i) {
      const Tensor x = constant({{1.f, 2.f}, {3.f, 4.f}}) * (0.1f * i), last = constant(i % 2 == 1);
      if (compiled) f(x, last);
      else step(x, last);
    }
    return w.value();
  };
  CHECK(allclose(run(true), run(false), 1e-5, 1e-6));
}
