// Gradients of higher order, of loops and behind decisions of the host, where sizes are open.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

const FunctionOptions open_rows{.input_signature = {TensorSpec({unknown, 3}), TensorSpec({unknown, 3})}};
using Sizes = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// `body`, traced once for open sizes, gives what it gives eagerly.
template <class Body>
void check(Body body, const Sizes& sizes) {
  auto f = function(body, open_rows);
  for (const auto& [n, m] : sizes)
    for (const float sign : {1.f, -1.f}) {
      INFO(n << " rows and " << m << ", sign " << sign);
      const Tensor x = abs(random::normal({n, 3}, {.seed = 1})) * sign, y = random::normal({m, 3}, {.seed = 2});
      const Tensor wanted = body(x, y), found = f(x, y);
      CHECK(found.shape() == wanted.shape());
      CHECK(allclose(found, wanted, 1e-4, 1e-4));
    }
  CHECK(f.trace_count() <= 2);
}

/// d|d(loss)/dy|²/dy.
template <class Loss>
auto second_order(Loss loss) {
  return [loss](const Tensor& x, const Tensor& y) {
    GradientTape outer;
    outer.watch(y);
    GradientTape inner;
    inner.watch(y);
    const Tensor first = inner.gradient(loss(x, y), y);
    return outer.gradient(sum(square(first)), y, {.unconnected = Unconnected::zero});
  };
}

const Sizes alike{{2, 2}, {1, 1}, {4, 1}, {4, 4}};

}  // namespace

TEST_CASE("second-order gradients of a loop that broadcasts open sizes are those of each call", "[function][sizes]") {
  check(
      second_order([](const Tensor& x, const Tensor& y) {
        Tensor z = x;
        for ([[maybe_unused]] Tensor i : range(3, carry(z))) z = z * z * .3f + y * .1f;
        return sum(square(z));
      }),
      alike);
  check(
      second_order([](const Tensor& x, const Tensor& y) {
        Tensor z = y;
        for (Tensor i : range(x.dim(0), carry(z))) z = z * .5f + sum(x[i]) * flip(z, 0);
        return sum(z * z * z);
      }),
      {{2, 2}, {1, 3}, {3, 1}});
}

TEST_CASE(
    "second-order gradients of slices, joins and padding of open sizes are those of each call", "[function][sizes]") {
  check(
      second_order([](const Tensor& x, const Tensor& y) {
        const Tensor joined = concat({y(slice(1, {})), y * y, x});
        return sum(square(pad(joined, {{1, 0}, {0, 2}}, .5)(slice({}, {}, -2)))) + sum(square(y[-1] * y[0]));
      }),
      alike);
}

TEST_CASE("sizes that follow from others are known behind decisions of the host", "[function][sizes]") {
  const auto decides = [](auto loss) {
    return [loss](const Tensor& x, const Tensor& y) {
      GradientTape tape;
      tape.watch(y);
      Tensor z = loss(x, y);
      if (sum(x) > 0) z = z * 2.f;
      const Tensor d = tape.gradient(z, y);
      return sum(d) > 0 ? d : d * 3.f;
    };
  };
  check(decides([](const Tensor& x, const Tensor& y) { return sum(square(x * y)); }), {{2, 2}, {4, 1}, {1, 4}});
  check(decides([](const Tensor& x, const Tensor& y) { return sum(square(concat({x, y, y})(slice(1, -1)))); }), alike);
}

TEST_CASE(
    "a loop that broadcasts what it carries has its gradients, also behind a decision of the host",
    "[function][sizes]") {
  const auto gradient = [](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    tape.watch(y);
    Tensor z = x;
    for ([[maybe_unused]] Tensor i : range(2, carry(z))) z = z * .5f + y;
    Tensor loss = sum(square(z));
    if (sum(x) > 0) loss = loss * 2.f;
    return tape.gradient(loss, y);
  };
  check(gradient, {{2, 2}, {1, 4}, {4, 1}});
  check(
      second_order([](const Tensor& x, const Tensor& y) {
        Tensor z = x;
        for ([[maybe_unused]] Tensor i : range(2, carry(z))) z = z * z * .5f + y;
        return sum(square(z));
      }),
      {{2, 2}, {1, 4}, {4, 1}});
}

TEST_CASE("an output gradient of an open size goes with a target of another", "[function][sizes]") {
  auto f = function(
      [](const Tensor& x, const Tensor& seed) {
        GradientTape tape;
        tape.watch(x);
        return tape.gradient(square(x), x, {.output_gradients = {seed}});
      },
      open_rows);
  CHECK(array_equal(f(ones({2, 3}), ones({2, 3}) * 3), ones({2, 3}) * 6));
  CHECK_THROWS_AS(f(ones({2, 3}), ones({1, 3})), ShapeError);
}

TEST_CASE("a tape outside differentiates loops whose state meets another open size", "[function][sizes]") {
  Variable w(constant({0.5f, -1.5f, 2.f}));
  const auto body = [&](const Tensor& x) {
    return scan(
        [&](const Tensor& state, const Tensor& row) { return state * row + exp(row * 0.3f) * w; }, x,
        stack({x, x * 0.5f}));
  };
  auto f = function(body, {.input_signature = {TensorSpec({unknown}, float32)}});
  const Tensor x = constant({0.5f, 1.f, 1.5f});
  const auto gradients = [&](const auto& program) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(program(x), {Source(x), Source(w)});
  };
  const auto found = gradients(f), wanted = gradients(body);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(allclose(found[i], wanted[i], 1e-5, 1e-5));
}
