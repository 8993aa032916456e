// Datasets inside compiled functions: reduce is one loop, where every call walks the same elements.
#include "catch.h"
#include "keen/data/dataset.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// Order and sizes of the elements matter to it.
Tensor fold(const Tensor& state, const Tensor& x) { return state * 1.5f + sum(x) + static_cast<float>(x.rank()); }

/// The same compiled as eagerly, in two calls of one trace.
template <class D>
void check(const D& dataset) {
  int traces = 0;
  auto f = function([&](const Tensor& from) {
    ++traces;
    return dataset.reduce(from, fold);
  });
  for (const float from : {0.f, 2.f})
    CHECK(f(constant(from)).template item<float>() == dataset.reduce(constant(from), fold).template item<float>());
  CHECK(traces == 1);
}

const Tensor rows = constant({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}, {7.f, 8.f}, {9.f, 1.f}});

std::string error_of(const data::Dataset<1>& dataset) {
  auto f = function([&](const Tensor& from) { return dataset.reduce(from, fold); });
  try {
    f(constant(0.f));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("reduce inside a compiled function walks slices, batches and windows of tensors", "[data][function]") {
  const auto slices = data::from_tensor_slices(rows);
  check(slices);
  check(slices.batch(2));
  check(slices.batch(2, {.drop_remainder = true}));
  check(slices.batch(5));
  check(slices.batch(9));
  check(slices.batch(2).prefetch(1));
  check(slices.take(3).batch(2));
  check(slices.skip(1).batch(2));
  check(slices.batch(2).take(1));
  check(slices.batch(2).take(3));
  check(slices.batch(2).skip(2));
  check(slices.batch(2).skip(7));
  check(slices.skip(4).take(9));
  check(slices.take(0));
  check(slices.repeat(3));
  check(slices.batch(2).repeat(2));
  check(slices.repeat(0));
  check(slices.batch(2).map([](const Tensor& x) { return x * 2.f + 1.f; }));
  check(slices.map([](const Tensor& x) { return sum(x); }).map([](const Tensor& x) { return exp(x / 9.f); }).take(4));
}

TEST_CASE("reduce inside a compiled function takes elements of several tensors and any state", "[data][function]") {
  struct State {
    Tensor total;
    std::vector<Tensor> counts;
  };
  const auto pairs = data::from_tensor_slices(rows, constant({1, 0, 1, 1, 0})).batch(2);
  const auto step = [](const State& s, const std::array<Tensor, 2>& element) {
    const auto& [x, label] = element;
    return State{s.total + sum(x * expand_dims(cast(label, float32), 1)), {s.counts[0] + sum(label)}};
  };
  auto f = function([&](const Tensor& from) { return pairs.reduce(State{from, {Tensor(std::int64_t{0})}}, step); });
  const State got = f(constant(1.f)), expected = pairs.reduce(State{constant(1.f), {Tensor(std::int64_t{0})}}, step);
  CHECK(array_equal(got.total, expected.total));
  CHECK(array_equal(got.counts[0], expected.counts[0]));
  CHECK(got.total.item<float>() == 1 + 3 + 11 + 15);
  // It is a loop: the number of operations does not grow with that of elements.
  auto g = function([&](const Tensor& from) { return data::from_tensor_slices(zeros({1000})).reduce(from, fold); });
  g(constant(0.f));
  CHECK(g.graph().size() < 2000);
  // Of the function's own tensors, too.
  auto h = function([](const Tensor& x) { return data::from_tensor_slices(x).skip(1).batch(3).reduce(0.f, fold); });
  CHECK(h(rows).item<float>() == data::from_tensor_slices(rows).skip(1).batch(3).reduce(0.f, fold).item<float>());
}

TEST_CASE("a start that is a number works in a compiled function, a count of the host does not", "[data][function]") {
  const auto slices = data::from_tensor_slices(rows);
  auto f = function([&](const Tensor& scale) {
    return slices.reduce(0.f, [&](const Tensor& total, const Tensor& x) { return total + sum(x) * scale; });
  });
  CHECK(f(constant(2.f)).item<float>() == 92);
  auto counts =
      function([&](const Tensor& x) { return x + slices.reduce(0, [](int n, const Tensor&) { return n + 1; }); });
  CHECK_THROWS_AS(counts(constant(0)), UsageError);
}

TEST_CASE("gradients flow through reduce, and variables are read and written in order", "[data][function]") {
  const auto batches = data::from_tensor_slices(rows).batch(2);
  Variable w(constant({0.5f, -1.f}));
  const auto loss = [&](const Tensor& from) {
    return batches.reduce(
        from, [&](const Tensor& total, const Tensor& x) { return total + sum(square(matmul(x, w))); });
  };
  const auto gradient = [&](const auto& f) {
    GradientTape tape;
    const Tensor y = f(constant(0.f));
    return tape.gradient(y, w);
  };
  auto compiled = function(loss);
  CHECK(allclose(gradient(loss), gradient(compiled), 1e-5));
  auto inside = function([&](const Tensor& from) {
    GradientTape tape;
    const Tensor y = loss(from);
    return tape.gradient(y, w);
  });
  CHECK(allclose(gradient(loss), inside(constant(0.f)), 1e-5));

  Variable steps(0);
  auto train = function([&](const Tensor& rate) {
    return batches.reduce(rate, [&](const Tensor& r, const Tensor& x) {
      steps.assign_add(1);
      w.assign_sub(r * mean(x, 0));
      return r * 0.5f;
    });
  });
  const Tensor before = w.value();
  CHECK(train(constant(0.1f)).item<float>() == 0.1f / 8);
  CHECK(steps.item<int>() == 3);
  Variable again(before);
  batches.reduce(constant(0.1f), [&](const Tensor& r, const Tensor& x) {
    again.assign_sub(r * mean(x, 0));
    return r * 0.5f;
  });
  CHECK(allclose(w, again, 1e-6));
}

TEST_CASE("datasets that differ from pass to pass are refused inside a compiled function", "[data][function]") {
  const auto slices = data::from_tensor_slices(rows);
  for (const auto& dataset :
       {slices.shuffle(5), slices.shuffle(5).batch(2), slices.map([](const Tensor& x) { return x; }).batch(2),
        slices.repeat(2).take(3), slices.repeat(), slices.batch(2).batch(2)}) {
    const std::string error = error_of(dataset);
    INFO(error);
    CHECK(error.starts_with("[reduce] "));
    CHECK(error.find("(traced at reduce.test.cpp:") != std::string::npos);
    CHECK_NOTHROW(dataset.take(7).reduce(constant(0.f), fold));
  }
}
