// Gradients of loops whose state has another size in each turn: what turns keep for the way back is packed, beside its
// sizes.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// One element more a turn, until the sum has passed 3.
Tensor grow(const Tensor& x, const Tensor& w) {
  const auto [turn, s] = while_loop(
      [](const Tensor& i, const Tensor& s) { return logical_and(i < 5, sum(s) < 3); },
      [&](const Tensor& i, const Tensor& s) {
        const Tensor more = tanh(s * w) + 0.5f;
        return std::tuple{i + 1, concat({more, sum(square(s)).reshape({1})})};
      },
      std::tuple{constant(0), x}, {.shape_invariants = {{}, {unknown}}});
  return sum(square(s)) * cast(turn, DType::float32);
}

/// One row less a turn.
Tensor shrink(const Tensor& x, const Tensor& w) {
  const Tensor last = while_loop(
      [](const Tensor& s) { return s.dim(0) > constant(1); },
      [&](const Tensor& s) { return sin(s(slice(0, s.dim(0) - 1)) * w) * s(slice(1, s.dim(0))); }, x,
      {.shape_invariants = {{unknown, unknown}}});
  return sum(exp(last));
}

/// A loop of known length around one that grows.
Tensor nested(const Tensor& x, const Tensor& w) {
  Tensor s = x;
  for ([[maybe_unused]] Tensor i : range(3, carry(s))) s = s * 0.5f + grow(s * 0.3f, w) * 0.01f;
  return sum(square(s));
}

/// Doubles while x is small, in a branch.
Tensor branched(const Tensor& x, const Tensor& w) {
  return cond(
      sum(x) > 0, [&] { return grow(x, w); }, [&] { return sum(x) * w; });
}

using Program = Tensor (*)(const Tensor&, const Tensor&);
using Both = std::tuple<Tensor, Tensor>;

Both first_order(Program f, const Tensor& x, const Tensor& w) {
  GradientTape tape;
  tape.watch(x);
  tape.watch(w);
  const auto g = tape.gradient(f(x, w), {x, w});
  return {g[0], g[1]};
}

Both second_order(Program f, const Tensor& x, const Tensor& w) {
  GradientTape tape;
  tape.watch(x);
  tape.watch(w);
  const auto [dx, dw] = first_order(f, x, w);
  const auto g = tape.gradient(sum(square(dx)) + square(dw), {x, w});
  return {g[0], g[1]};
}

void check_close(const Both& a, const Both& b) {
  CHECK(allclose(std::get<0>(a), std::get<0>(b), 1e-4, 1e-5));
  CHECK(allclose(std::get<1>(a), std::get<1>(b), 1e-4, 1e-5));
}

}  // namespace

TEST_CASE("loops whose state changes its size have gradients, to second order", "[function][loops]") {
  const auto [name, program, x] = GENERATE(table<const char*, Program, Tensor>(
      {{"grow", grow, constant({0.5f, -0.3f, 0.8f})},
       {"shrink", shrink, constant({{0.9f, -0.3f}, {0.2f, 0.7f}, {0.4f, 0.1f}, {1.2f, 0.6f}})},
       {"no turns", grow, constant({2.f, 2.f})},
       {"nested", nested, constant({0.5f, 0.3f})},
       {"branched", branched, constant({0.5f, 0.3f})},
       {"not taken", branched, constant({-0.5f, 0.3f})}}));
  INFO(name);
  const Program f = program;
  const Tensor w = constant(0.7f);
  const auto once = function([f](const Tensor& x, const Tensor& w) { return first_order(f, x, w); });
  const auto twice = function([f](const Tensor& x, const Tensor& w) { return second_order(f, x, w); });
  for (int i = 0; i < 2; ++i) {
    check_close(once(x, w), first_order(f, x, w));
    check_close(twice(x, w), second_order(f, x, w));
  }
}

TEST_CASE(
    "a compiled loop that grows is differentiated from outside, for open sizes and more than once",
    "[function][loops]") {
  const auto f = function(grow, {.input_signature = {{{unknown}, DType::float32}, {{}, DType::float32}}});
  const Tensor w = constant(0.7f);
  for (std::int64_t n : {3, 1, 3}) {
    const Tensor x = full({n}, 0.4f);
    GradientTape tape({.persistent = true});
    tape.watch(x);
    tape.watch(w);
    const Tensor y = f(x, w);
    for (int i = 0; i < 2; ++i) {
      const auto g = tape.gradient(y, {x, w});
      check_close({g[0], g[1]}, first_order(grow, x, w));
    }
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("a loop that broadcasts in its first turn is differentiated twice from outside", "[function][loops]") {
  const auto loss = [](const Tensor& x, const Tensor& y) {
    Tensor z = x;
    for ([[maybe_unused]] Tensor i : range(3, carry(z))) z = z * z * .5f + y;
    return sum(square(z));
  };
  const auto f = function(loss, {.input_signature = {TensorSpec({unknown}), TensorSpec({unknown})}});
  const auto second = [](const auto& g, const Tensor& x, const Tensor& y) {
    GradientTape outer;
    outer.watch(x);
    outer.watch(y);
    GradientTape tape;
    tape.watch(x);
    tape.watch(y);
    const auto d = tape.gradient(g(x, y), {x, y});
    const auto h = outer.gradient(sum(square(d[0])) + sum(square(d[1])), {x, y});
    return Both{h[0], h[1]};
  };
  const Tensor y = constant({0.2f, 0.4f, 0.6f});
  for (const Tensor& x : {constant({0.3f}), constant({0.3f, 0.5f, 0.1f})})
    check_close(second(f, x, y), second(loss, x, y));
}

TEST_CASE("two gradients of one loop that grows share what it keeps", "[function][loops]") {
  const auto both = [](const Tensor& x, const Tensor& w) {
    GradientTape tape({.persistent = true});
    tape.watch(x);
    tape.watch(w);
    const Tensor y = grow(x, w);
    return Both{tape.gradient(y, x), tape.gradient(y, w)};
  };
  const Tensor x = constant({0.5f, -0.3f}), w = constant(0.7f);
  check_close(function(both)(x, w), first_order(grow, x, w));
}

TEST_CASE("results of turns that differ in size do not stack, and the error says what does", "[function][loops]") {
  const auto f = function([](const Tensor& x) {
    return map_fn(
        [](const Tensor& v) {
          return cond(
              v > 0, [] { return ones({2}); }, [] { return ones({3}); });
        },
        x);
  });
  CHECK(f(constant({1, 2})).shape() == Shape{2, 2});
  CHECK_THROWS_WITH(f(constant({1, -2})), Catch::Contains("from (2,) to (3,)") && Catch::Contains("pad"));
}
