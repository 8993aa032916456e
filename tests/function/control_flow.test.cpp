// Staged branches and loops: the numbers of the eager ones, in one trace, with gradients to second order.
#include "keen/function/control_flow.h"

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// dy/dx and d²y/dx² (of sums) of f at x.
template <class F>
std::array<Tensor, 3> derivatives(F f, const Tensor& x) {
  GradientTape outer;
  outer.watch(x);
  GradientTape inner;
  inner.watch(x);
  Tensor y = f(x);
  Tensor first = inner.gradient(y, x);
  Tensor second = outer.gradient(first, x, {.unconnected = Unconnected::zero});
  return {y, first, second};
}

/// The same inside a function, which must trace once.
template <class F>
void check_derivatives(F f, const std::vector<Tensor>& xs) {
  auto staged = function([&](const Tensor& x) { return derivatives(f, x); });
  for (const Tensor& x : xs) {
    const auto eager = derivatives(f, x), compiled = staged(x), outside = derivatives(function(f), x);
    for (std::size_t i = 0; i < 3; ++i) {
      INFO(
          "x = " << x.to_string() << ", order " << i << ": eager " << eager[i].to_string() << ", compiled "
                 << compiled[i].to_string() << ", taped outside " << outside[i].to_string());
      CHECK(allclose(eager[i], compiled[i], 1e-9, 1e-12));
      CHECK(allclose(eager[i], outside[i], 1e-9, 1e-12));
    }
  }
  CHECK(staged.trace_count() == 1);
}

}  // namespace

TEST_CASE("cond runs one of two branches, eagerly and in one trace", "[function][control]") {
  int thens = 0, elses = 0;
  const auto choose = [&](const Tensor& x) {
    return cond(
        sum(x) > 0,
        [&] {
          ++thens;
          return x * 2;
        },
        [&] {
          ++elses;
          return x - 1;
        });
  };
  CHECK(choose(constant(3.f)).item<float>() == 6);
  CHECK(choose(constant(-3.f)).item<float>() == -4);
  CHECK(thens == 1);
  CHECK(elses == 1);
  auto f = function(choose);
  for (int i = 0; i < 3; ++i) {
    CHECK(f(3.f).item<float>() == 6);
    CHECK(f(-3.f).item<float>() == -4);
  }
  CHECK(thens == 2);  // each branch traced once
  CHECK(elses == 2);
  CHECK(f.trace_count() == 1);
}

TEST_CASE("a branch that is not taken neither computes nor writes", "[function][control]") {
  Variable taken(0);
  auto f = function([&](const Tensor& x) {
    return cond(
        x > 0,
        [&] {
          taken.assign_add(1);
          return check_numerics(log(x), "log");
        },
        [&] { return x * 0; });
  });
  CHECK(f(-1.f).item<float>() == 0);
  CHECK(taken.item<int>() == 0);
  CHECK(f(1.f).item<float>() == 0);
  f(2.f);
  CHECK(taken.item<int>() == 2);
}

TEST_CASE("branches that disagree are an error that shows both", "[function][control]") {
  const auto gives = [](auto a, auto b) {
    return [=](const Tensor& x) {
      return cond(
          x > 0, [&] { return a; }, [&] { return b; });
    };
  };
  CHECK_THROWS_WITH(
      function(gives(ones({2}), ones({2}, {.dtype = int32})))(1.f),
      Catch::Contains("float32(2,)") && Catch::Contains("int32(2,)"));
  CHECK_THROWS_AS(function(gives(ones({2}), ones({2, 2})))(1.f), UsageError);
  CHECK_THROWS_AS(function(gives(std::vector<Tensor>(2, ones({})), std::vector<Tensor>(3, ones({}))))(1.f), UsageError);
  auto sizes = function(gives(ones({2}), ones({5})));
  CHECK(sizes(1.f).shape() == Shape{2});
  CHECK(sizes(-1.f).shape() == Shape{5});
  CHECK_THROWS_AS(
      function([](const Tensor& x) {
        return cond(
            x, [&] { return x; }, [&] { return x; });
      })(1.f),
      UsageError);
}

TEST_CASE("switch_case takes the last branch for a number out of range", "[function][control]") {
  const auto pick = [](const Tensor& i, const Tensor& x) {
    return switch_case(
        i,
        [&] {
          return std::pair{x, 1.f};
        },
        [&] {
          return std::pair{x * 2, 2.f};
        },
        [&] {
          return std::pair{x * 3, 3.f};
        });
  };
  auto f = function(pick);
  for (int i : {0, 1, 2, 7, -1}) {
    const auto [a, b] = f(i, 5.f);
    CHECK(array_equal(a, pick(constant(i), constant(5.f)).first));
    CHECK(b.item<float>() == a.item<float>() / 5);
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("while_loop turns as often as its condition says, traced once", "[function][control]") {
  int traced = 0;
  const auto power = [&](const Tensor& x, const Tensor& n) {
    auto [i, y] = while_loop(
        [&](Tensor i, Tensor) { return i < n; },
        [&](Tensor i, Tensor y) {
          ++traced;
          return std::tuple{i + 1, y * x};
        },
        std::tuple{0, ones_like(x)});
    return y;
  };
  CHECK(power(constant(3.f), constant(4)).item<float>() == 81);
  CHECK(traced == 4);
  auto f = function(power);
  CHECK(f(3.f, 4).item<float>() == 81);
  CHECK(f(2.f, 10).item<float>() == 1024);
  CHECK(f(2.f, 0).item<float>() == 1);
  CHECK(traced == 5);
  auto limited = function([](const Tensor& x) {
    return while_loop([](Tensor v) { return v < 100; }, [](Tensor v) { return v * 2; }, x, {.maximum_iterations = 3});
  });
  CHECK(limited(1.f).item<float>() == 8);
  CHECK(limited(60.f).item<float>() == 120);
}

TEST_CASE("a loop's state keeps its shapes unless they are declared open", "[function][control]") {
  const auto grow = [](const WhileOptions& options) {
    return [=](const Tensor& x) {
      return while_loop([](Tensor v) { return sum(v) < 10; }, [](Tensor v) { return concat({v, v}); }, x, options);
    };
  };
  CHECK(grow({})(ones({3})).shape() == Shape{12});  // eagerly it simply runs
  CHECK_THROWS_WITH(function(grow({}))(ones({3})), Catch::Contains("float32(3,)") && Catch::Contains("float32(6,)"));
  CHECK(function(grow({.shape_invariants = {{unknown}}}))(ones({3})).shape() == Shape{12});
  CHECK_THROWS_AS(function(grow({.shape_invariants = {{unknown, 2}}}))(ones({3})), ShapeError);
  auto dtypes = function(
      [](const Tensor& x) { return while_loop([](Tensor v) { return v < 3; }, [](Tensor v) { return v + 0.5; }, x); });
  CHECK_THROWS_AS(dtypes(1), UsageError);
  auto condition =
      function([](const Tensor& x) { return while_loop([](Tensor v) { return v; }, [](Tensor v) { return v; }, x); });
  CHECK_THROWS_AS(condition(1.f), UsageError);
}

TEST_CASE("variables are read and written in every turn", "[function][control]") {
  Variable total(0.f), step(1.f);
  auto f = function([&](const Tensor& n) {
    return while_loop(
        [&](Tensor i) { return i < n; },
        [&](Tensor i) {
          total.assign_add(step);
          step.assign(total * 2.f);
          return i + 1;
        },
        Tensor(0));
  });
  f(3);  // total 1, 3, 9; step 2, 6, 18
  CHECK(total.item<float>() == 9);
  CHECK(step.item<float>() == 18);
  f(1);
  CHECK(total.item<float>() == 27);
}

TEST_CASE("random draws in a loop are the eager ones", "[function][control]") {
  const auto walk = [](const Tensor& n) {
    return while_loop(
        [&](Tensor i, Tensor) { return i < n; },
        [](Tensor i, Tensor x) {
          return std::tuple{i + 1, x + random::normal({2})};
        },
        std::tuple{Tensor(0), zeros({2})});
  };
  auto f = function(walk);
  set_seed(9);
  const Tensor eager = std::get<1>(walk(constant(5)));
  set_seed(9);
  CHECK(array_equal(std::get<1>(f(5)), eager));
  CHECK_FALSE(array_equal(std::get<1>(f(5)), eager));
}

TEST_CASE("scan carries a state and stacks what turns give", "[function][control]") {
  const auto sums = [](const Tensor& xs) {
    return scan([](Tensor s, Tensor x) { return std::pair{s + x, s * x}; }, zeros({2}), xs);
  };
  auto f = function(sums);
  const Tensor xs = reshape(cast(range(8).tensor(), float32), {4, 2});
  const auto [eager_state, eager_ys] = sums(xs);
  const auto [state, ys] = f(xs);
  CHECK(array_equal(state, eager_state));
  CHECK(array_equal(ys, eager_ys));
  CHECK(state.to_vector<float>() == std::vector{12.f, 16.f});
  const auto cumulative = [](const Tensor& v) {
    return scan([](Tensor s, Tensor x) { return s + x; }, 0.f, v, {.reverse = true});
  };
  CHECK(cumulative(constant({1.f, 2.f, 3.f})).to_vector<float>() == std::vector{6.f, 5.f, 3.f});
  CHECK(function(cumulative)(constant({1.f, 2.f, 3.f})).to_vector<float>() == std::vector{6.f, 5.f, 3.f});
  auto any = function(sums, {.input_signature = {TensorSpec({unknown, 2})}});
  CHECK(array_equal(any(xs).second, eager_ys));
  CHECK(any(ones({0, 2})).second.shape() == Shape{0, 2});
  CHECK(any(ones({1, 2})).second.shape() == Shape{1, 2});
  CHECK(
      map_fn([](const Tensor& x) { return x * x; }, constant({1.f, 2.f, 3.f})).to_vector<float>() ==
      std::vector{1.f, 4.f, 9.f});
}

TEST_CASE("gradients flow through cond to second order", "[function][control]") {
  const Tensor w = constant(3.0 * ones({}, {.dtype = float64}));
  check_derivatives(
      [&](const Tensor& x) {
        return cond(
                   x > 0, [&] { return x * x * x * w; }, [&] { return sin(x) * x; }) *
               x;
      },
      {constant(2.0f).cast(float64), constant(-1.5f).cast(float64)});
}

TEST_CASE("gradients flow through while_loop to second order", "[function][control]") {
  check_derivatives(
      [](const Tensor& x) {
        auto [i, y] = while_loop(
            [](Tensor, Tensor y) { return y < 50; },
            [&](Tensor i, Tensor y) {
              return std::tuple{i + 1, y * x + sin(y)};
            },
            std::tuple{Tensor(0), x});
        return y * y;
      },
      {constant(2.0f).cast(float64), constant(1.7f).cast(float64), constant(60.f).cast(float64)});
}

TEST_CASE("gradients flow through scan, its state, its slices and what it captures", "[function][control]") {
  check_derivatives(
      [&](const Tensor& x) {
        auto [state, ys] = scan(
            [&](Tensor s, Tensor slice) {
              return std::pair{tanh(s * slice + sum(x)), s * s * slice};
            },
            mean(x), x);
        return sum(ys) * state;
      },
      {constant({0.3f, -0.7f, 1.1f}).cast(float64)});
}

TEST_CASE("gradients flow through nested control flow and to variables", "[function][control]") {
  check_derivatives(
      [](const Tensor& x) {
        auto [i, y] = while_loop(
            [](Tensor i, Tensor) { return i < 4; },
            [&](Tensor i, Tensor y) {
              return std::tuple{
                  i + 1, cond(
                             y > 2, [&] { return y * 0.3 * x; }, [&] { return y * y + x; })};
            },
            std::tuple{Tensor(0), x});
        return y;
      },
      {constant(0.9f).cast(float64), constant(2.5f).cast(float64)});

  Variable w(constant({0.5f, 0.25f}));
  const auto step = [&](const Tensor& x) {
    GradientTape tape;
    Tensor y = scan([&](Tensor s, Tensor v) { return s * w + v; }, zeros({2}), x);
    return tape.gradient(sum(y * y), w);
  };
  const Tensor x = random::normal({5, 2}, {.seed = 1});
  CHECK(allclose(function(step)(x), step(x)));
}

TEST_CASE("a body that keeps hundreds of values is differentiated twice", "[function][control]") {
  const auto loss = [](const Tensor& x) {
    const Tensor last = scan(
        [](const Tensor& s, const Tensor& step) {
          Tensor y = s;
          for (int i = 0; i < 100; ++i) y = sin(y) * 1.01f + step;
          return y;
        },
        x, zeros({2, 3}));
    return sum(cond(
        sum(x) > 0,
        [&] {
          Tensor y = last;
          for (int i = 0; i < 100; ++i) y = sin(y) * 1.01f + x;
          return y;
        },
        [&] { return last; }));
  };
  const auto twice = [&](const Tensor& x) {
    GradientTape outer;
    outer.watch(x);
    GradientTape tape;
    tape.watch(x);
    return outer.gradient(sum(square(tape.gradient(loss(x), x))), x);
  };
  const Tensor x = constant({0.2f, 0.4f, 0.6f});
  CHECK(allclose(function(twice)(x), twice(x), 1e-3, 1e-6));
}
