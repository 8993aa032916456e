// Where control flow has edges, eager and compiled agree: bad indices, empty axes, loops that do not turn, gradients
// behind decisions of the host.
#include <functional>

#include "catch.h"
#include "errors.h"
#include "keen/keen.h"

using namespace keen;
using test::error_of, test::traced_at;

namespace {

/// The gradient of sum(f(x)) to x and w.
template <class F>
std::array<Tensor, 2> gradients(const F& f, const Tensor& x, const Variable& w) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(sum(f(x)), {x, w});
}

/// The same, defined or not, eagerly, through the compiled function and inside one.
template <class F>
void check_gradients(const F& f, const Tensor& x, const Variable& w) {
  const auto expected = gradients(f, x, w);
  const auto through = gradients(function(f), x, w);
  auto inside = function([&](const Tensor& v) { return gradients(f, v, w); });
  const auto within = inside(x);
  for (int i = 0; i < 2; ++i)
    for (const auto& got : {through, within}) {
      REQUIRE(got[static_cast<std::size_t>(i)].defined());
      REQUIRE(expected[static_cast<std::size_t>(i)].defined());
      CHECK(allclose(got[static_cast<std::size_t>(i)], expected[static_cast<std::size_t>(i)], 1e-5));
    }
}

}  // namespace

TEST_CASE("tensor arrays refuse the same indices eagerly and compiled, under their own name", "[function][control]") {
  const Tensor values = constant({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}}), row = constant({7.f, 8.f});
  const unsigned line = __LINE__ + 1;  // of the first of three
  const auto read = [&](const Tensor& at) { return TensorArray::unstack(values).read(at); };
  const auto read_traced = [](const Tensor& v, const Tensor& at) { return TensorArray::unstack(v).read(at); };
  const auto write = [&](const Tensor& at) { return TensorArray::unstack(values).write(at, row).stack(); };
  auto compiled_read = function(read);
  auto compiled_read_traced = function(read_traced);
  auto compiled_write = function(write);
  for (int bad : {-1, 3, 1000}) {
    const Tensor at(bad);
    const std::string wanted = "[TensorArray] index " + std::to_string(bad) + " is out of range for 3 elements";
    CHECK(error_of([&] { read(at); }) == wanted);
    CHECK(error_of([&] { TensorArray::unstack(values).read(bad); }) == wanted);
    CHECK(error_of([&] { compiled_read(at); }) == wanted + traced_at(line));
    CHECK(error_of([&] { compiled_read_traced(values, at); }) == wanted + traced_at(line + 1));
    CHECK(error_of([&] { write(at); }) == wanted);
    CHECK(error_of([&] { compiled_write(at); }) == wanted + traced_at(line + 2));
  }
  for (int good : {0, 2}) {
    const Tensor at(good);
    CHECK(array_equal(compiled_read(at), values[good]));
    CHECK(array_equal(compiled_read_traced(values, at), values[good]));
    CHECK(array_equal(compiled_write(at), set(values, {good}, row)));
  }
  CHECK_THROWS_AS(compiled_read(constant({0, 1})), DTypeError);
}

TEST_CASE("gradients of rows that are read reach the array's tensor, to second order", "[function][control]") {
  const auto f = [](const Tensor& x) {
    TensorArray array = TensorArray::unstack(x);
    Tensor total = zeros({2});
    for (Tensor t : range(3, carry(total))) total = total + pow(array.read(t), 3);
    return sum(total * array.read(Tensor(1)));
  };
  const Tensor x = constant({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}});
  const auto second = [&](const auto& g) {
    GradientTape outer;
    outer.watch(x);
    GradientTape inner;
    inner.watch(x);
    const Tensor d = inner.gradient(g(x), x);
    return outer.gradient(sum(d * x), x);
  };
  auto compiled = function(f);
  auto inside = function([&](const Tensor& v) {
    GradientTape tape;
    tape.watch(v);
    return tape.gradient(f(v), v);
  });
  GradientTape tape;
  tape.watch(x);
  const Tensor expected = tape.gradient(f(x), x);
  CHECK(allclose(inside(x), expected));
  CHECK(allclose(second(compiled), second(f)));
}

TEST_CASE("a scan over an empty axis gives the state and empty stacks, eagerly and compiled", "[function][control]") {
  const auto f = [](const Tensor& x) {
    return scan(
        [](const std::pair<Tensor, Tensor>& s, const Tensor& row) {
          return std::pair{std::pair{s.first + row, s.second * 2}, std::tuple{sum(row), cast(row, int32)}};
        },
        std::pair{ones({3}), Tensor(5)}, x);
  };
  auto compiled = function(f, {.input_signature = {TensorSpec({unknown, 3})}});
  for (const auto& [state, ys] : {f(zeros({0, 3})), compiled(zeros({0, 3})), function(f)(zeros({0, 3}))}) {
    CHECK(array_equal(state.first, ones({3})));
    CHECK(state.second.item<int>() == 5);
    CHECK(std::get<0>(ys).shape() == Shape{0});
    CHECK(std::get<1>(ys).shape() == Shape{0, 3});
    CHECK(std::get<1>(ys).dtype() == int32);
  }
  CHECK(map_fn([](const Tensor& row) { return row * 2; }, zeros({0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("gradients through loops of no turns are the same eagerly and compiled", "[function][control]") {
  Variable w(constant({2.f, 3.f}));
  const auto loop = [&](const Tensor& x) {
    return while_loop([](const Tensor& s) { return sum(s) < 20; }, [&](const Tensor& s) { return s * w; }, x);
  };
  check_gradients(loop, constant({30.f, 1.f}), w);  // no turn
  check_gradients(loop, constant({3.f, 1.f}), w);
  const auto scanned = [&](const Tensor& x) {
    auto [state, ys] = scan(
        [&](const Tensor& s, const Tensor& row) {
          return std::pair{s + row * w, row * s};
        },
        sum(x, 0), x);
    return state + sum(ys * w, 0);
  };
  check_gradients(scanned, zeros({0, 2}), w);
  check_gradients(scanned, ones({3, 2}), w);
}

TEST_CASE("a body that only runs eagerly does not stop a loop that does not turn", "[function][control]") {
  const Tensor x = constant(30.f);
  GradientTape tape;
  tape.watch(x);
  const Tensor y = while_loop(
      [](const Tensor& s) { return s < 20; }, [](const Tensor& s) { return Tensor(s.item<float>() * 2); }, x);
  CHECK(tape.gradient(y * y, x).item<float>() == 60);
}

TEST_CASE("range and carry take no turn for a count that is not positive", "[function][control]") {
  const auto f = [](const Tensor& x, std::int64_t n) {
    Tensor y = x;
    for ([[maybe_unused]] Tensor t : range(n, carry(y))) y = y * 2;
    return y;
  };
  auto compiled = function(f);
  for (int n : {-3, -1, 0, 2}) CHECK(array_equal(compiled(ones({2}), n), f(ones({2}), n)));
}

TEST_CASE("gradients of branches and loops are had behind a decision of the host", "[function][host][control]") {
  const auto f = [](const Tensor& x) {
    const Tensor scale = x * 0.5f;
    Tensor y =
        while_loop([](const Tensor& s) { return sum(s) < 50; }, [&](const Tensor& s) { return s * s + scale; }, x);
    Tensor z = cond(
        sum(x) > 3, [&] { return exp(y * 0.01f) * x; }, [&] { return y + x; });
    auto [last, all] = scan(
        [&](const Tensor& s, const Tensor& row) {
          return std::pair{s + tanh(row), s * row};
        },
        sum(x), x);
    if (sum(z) > 20) z = z * 2.f;
    return sum(z) * last + sum(all);
  };
  const auto inside = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    Tensor y = f(x);
    if (y > 100) y = y * 3.f;
    return tape.gradient(y, x);
  };
  const auto second = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(sum(inside(x) * x), x);
  };
  auto compiled = function(inside);
  auto compiled_second = function(second);
  for (int round = 0; round < 2; ++round)
    for (const Tensor& x :
         {constant({1.f, 3.f}), constant({0.5f, 1.5f}), constant({4.f, 1.f}), constant({30.f, 30.f})}) {
      CHECK(allclose(compiled(x), inside(x), 1e-4));
      CHECK(allclose(compiled_second(x), second(x), 1e-4));
    }
}

TEST_CASE("gradients of loops are had where the callable went on eagerly", "[function][host][control]") {
  const auto inside = [](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y =
        while_loop([](const Tensor& s) { return s < 50.f; }, [&](const Tensor& s) { return s * s + x; }, x);
    const float scale = (y * 0.5f).item<float>();
    return tape.gradient(y * scale, x);
  };
  auto compiled = function(inside);
  set_log_level(LogLevel::off);
  for (float v : {2.f, 3.f, 70.f}) CHECK(allclose(compiled(constant(v)), inside(constant(v)), 1e-5));
  set_log_level(LogLevel::warning);
}

TEST_CASE("a loop that writes is not run again for its gradient: the error says what to do", "[function][host]") {
  Variable turns(0.f);
  auto f = function([&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    Tensor y = while_loop(
        [](const Tensor& s) { return s < 50.f; },
        [&](const Tensor& s) {
          turns.assign_add(1.f);
          return s * s;
        },
        x);
    if (y > 100.f) y = y * 2.f;
    return tape.gradient(y, x);
  });
  std::string message;
  try {
    f(constant(2.f));
  } catch (const UsageError& error) {
    message = error.what();
  }
  CHECK(message.find("ask before the decision") != std::string::npos);
  CHECK(message.find("(traced at agreement.test.cpp:") != std::string::npos);
  CHECK(turns.item<float>() == 0);
}

TEST_CASE(
    "what only an untaken branch or turn uses is unconnected eagerly, and has zeros compiled", "[function][control]") {
  Variable w(2.f);
  const std::function<Tensor(const Tensor&)> untaken[] = {
      [&](const Tensor& x) {
        return cond(
            sum(x) > 0, [&] { return x * 1.f; }, [&] { return x * w; });
      },
      [&](const Tensor& x) {
        Tensor y = x;
        for ([[maybe_unused]] Tensor t : range(cast(sum(x * 0), int64), carry(y))) y = y * w;
        return y;
      },
  };
  const Tensor x = constant({1.f, 2.f});
  for (const auto& f : untaken) {
    const auto gradient = [&](const Tensor& v, Unconnected unconnected) {
      GradientTape tape;
      return tape.gradient(sum(f(v)), w, {.unconnected = unconnected});
    };
    CHECK_FALSE(gradient(x, Unconnected::none).defined());
    for (auto unconnected : {Unconnected::none, Unconnected::zero})
      CHECK(function([&](const Tensor& v) { return gradient(v, unconnected); })(x).item<float>() == 0);
    CHECK(gradient(x, Unconnected::zero).item<float>() == 0);
  }
  const auto mapped = [&](const Tensor& v) { return map_fn([&](const Tensor& row) { return row * w; }, v); };
  check_gradients(mapped, zeros({0, 2}), w);  // what is stacked must be known, so that tapes know it too
}
