// TensorArray and range(n, carry(…)): the same inside and outside of loops and traces.
#include "keen/function/tensor_array.h"

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

TEST_CASE("an array is written, read, stacked and unstacked", "[function][array]") {
  const auto use = [](const Tensor& x) {
    TensorArray a(float32, 3);
    a = a.write(0, x).write(2, x * 2).write(1, x * 3);
    TensorArray b = TensorArray::unstack(a.stack());
    return std::tuple{a.stack(), b.read(1), b.write(1, x).stack(), a.read(2)};
  };
  const Tensor x = constant({1.f, 2.f});
  auto f = function(use);
  const auto eager = use(x), staged = f(x);
  CHECK(std::get<0>(eager).to_vector<float>() == std::vector{1.f, 2.f, 3.f, 6.f, 2.f, 4.f});
  CHECK(array_equal(std::get<0>(eager), std::get<0>(staged)));
  CHECK(array_equal(std::get<1>(eager), std::get<1>(staged)));
  CHECK(array_equal(std::get<2>(eager), std::get<2>(staged)));
  CHECK(array_equal(std::get<3>(eager), std::get<3>(staged)));
}

TEST_CASE("writing leaves the array it was written to as it was", "[function][array]") {
  TensorArray a(int32, 2);
  a = a.write(0, 1);
  const TensorArray b = a.write(1, 2), c = a.write(1, 3), d = b.write(0, 4);
  CHECK(b.stack().to_vector<int>() == std::vector{1, 2});
  CHECK(c.stack().to_vector<int>() == std::vector{1, 3});
  CHECK(d.stack().to_vector<int>() == std::vector{4, 2});
  CHECK_THROWS_AS(a.read(1), UsageError);
  CHECK(a.stack().to_vector<int>() == std::vector{1, 0});  // what was not written is zero
}

TEST_CASE("wrong elements and indices are errors", "[function][array]") {
  const TensorArray a(float32, 2);
  CHECK_THROWS_AS(a.write(2, 1.f), IndexError);
  CHECK_THROWS_AS(a.write(-1, 1.f), IndexError);
  CHECK_THROWS_AS(a.write(0, 1), DTypeError);
  CHECK_THROWS_AS(a.write(0, ones({2})).write(1, ones({3})), ShapeError);
  CHECK_THROWS_AS(TensorArray(float32, 2, {.element_shape = Shape{2}}).write(0, ones({3})), ShapeError);
  CHECK_THROWS_AS(a.stack(), UsageError);
  CHECK_THROWS_AS(a.read(0), UsageError);
  CHECK_THROWS_AS(TensorArray(float32, -1), UsageError);
  CHECK(TensorArray(float32, 2, {.element_shape = Shape{3}}).stack().shape() == Shape{2, 3});
  auto late = function([](const Tensor& i) { return TensorArray(float32, 2).write(i, 1.f).stack(); });
  CHECK(late(1).to_vector<float>() == std::vector{0.f, 1.f});
  CHECK_THROWS_AS(late(2), IndexError);
}

TEST_CASE("a for over range(n, carry(…)) is one loop, traced once", "[function][array]") {
  int traced = 0;
  const auto run = [&](const Tensor& x) {
    TensorArray squares(float32, x.dim(0));
    Tensor sum = zeros({});
    for (Tensor t : range(x.dim(0), carry(sum, squares))) {
      ++traced;
      sum = sum + x[t];
      squares = squares.write(t, x[t] * x[t]);
    }
    return std::pair{sum, squares.stack()};
  };
  auto any = function(run, {.input_signature = {TensorSpec({unknown})}});
  auto fixed = function(run);
  for (int n : {1, 3, 6}) {
    const Tensor x = random::normal({n}, {.seed = 5});
    traced = 0;
    const auto [sum, squares] = run(x);
    CHECK(traced == n);
    for (auto* f : {&any, &fixed}) {
      traced = 0;
      const auto [s, q] = (*f)(x);
      CHECK(traced <= 1);
      CHECK(array_equal(s, sum));
      CHECK(array_equal(q, squares));
    }
  }
  CHECK(any.trace_count() == 1);
}

TEST_CASE("the number of turns may be a tensor of the trace", "[function][array]") {
  auto power = function([](const Tensor& x, const Tensor& n) {
    Tensor y = ones_like(x);
    for ([[maybe_unused]] Tensor t : range(n, carry(y))) y = y * x;
    return y;
  });
  CHECK(power(2.f, 10).item<float>() == 1024);
  CHECK(power(3.f, 0).item<float>() == 1);
  CHECK(power.trace_count() == 1);
}

TEST_CASE("leaving a staged for early is an error, eagerly it is not", "[function][array]") {
  const auto leave = [](const Tensor& x) {
    Tensor y = x;
    for (Tensor t : range(3, carry(y))) {
      y = y + 1;
      if (t.dtype() == int64) break;
    }
    return y;
  };
  CHECK(leave(constant(0.f)).item<float>() == 1);
  auto f = function(leave);
  CHECK_THROWS_AS(f(0.f), UsageError);
  auto grows = function([](Tensor x) {
    for (Tensor t : range(3, carry(x))) x = concat({x, x});
    return x;
  });
  CHECK_THROWS_AS(grows(ones({2})), ShapeError);
  CHECK_NOTHROW(function([](const Tensor& x) { return x + 1; })(1.f));
}

TEST_CASE("gradients flow through arrays in loops", "[function][array]") {
  const auto step = [](const Tensor& x) {
    GradientTape outer;
    outer.watch(x);
    GradientTape tape;
    tape.watch(x);
    TensorArray out(x.dtype(), x.dim(0));
    Tensor state = x[0] * 0;
    for (Tensor t : range(x.dim(0), carry(state, out))) {
      state = tanh(state + x[t]);
      out = out.write(t, state * x[t]);
    }
    Tensor first = tape.gradient(sum(square(out.stack())), x);
    return std::pair{first, outer.gradient(first, x)};
  };
  const Tensor x = random::normal({4, 2}, {.dtype = float64, .seed = 2});
  const auto [first, second] = step(x);
  const auto [f, s] = function(step)(x);
  CHECK(allclose(first, f, 1e-10, 1e-12));
  CHECK(allclose(second, s, 1e-10, 1e-12));
}

TEST_CASE("loops in loops share an array", "[function][array]") {
  const auto table = [](const Tensor& x) {
    TensorArray a(float32, 6);
    for (Tensor i : range(2, carry(a)))
      for (Tensor j : range(3, carry(a))) a = a.write(i * 3 + j, x * cast(i, float32) + cast(j, float32));
    return a.stack();
  };
  auto f = function(table);
  CHECK(f(10.f).to_vector<float>() == std::vector{0.f, 1.f, 2.f, 10.f, 11.f, 12.f});
  CHECK(array_equal(f(7.f), table(constant(7.f))));
}

TEST_CASE("an array from outside is read in traces, loops and branches, and stays what it is", "[function][array]") {
  for (const bool listed : {true, false}) {
    TensorArray outside = TensorArray::unstack(constant({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}}));
    if (listed)
      outside = TensorArray(float32, 3)
                    .write(0, constant({1.f, 2.f}))
                    .write(2, constant({5.f, 6.f}))
                    .write(1, constant({3.f, 4.f}));
    const auto reads = [&](const Tensor& i) {
      Tensor total = outside.read(i) + outside.read(cast(i, int32)) * outside.read(0);
      for (Tensor t : range(3, carry(total))) total = total + outside.read(t) * outside.read(i);
      total = total + cond(
                          i > 1, [&] { return outside.read(i); }, [&] { return outside.read(1) * 2; });
      const TensorArray changed = outside.write(i, total).write(0, total * 2);
      return changed.stack() + outside.stack() + changed.read(expand_dims(i, 0));
    };
    auto f = function(reads);
    for (std::int64_t i : {0, 1, 2, 1}) {
      const Tensor expected = reads(constant(i));
      CHECK(allclose(f(constant(i)), expected));
      CHECK(outside.stack().to_vector<float>() == std::vector{1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
      CHECK(outside.read(2).to_vector<float>() == std::vector{5.f, 6.f});
    }
    CHECK(f.trace_count() == 1);
  }
}

TEST_CASE("an array in a loop of the host's is what it is eagerly", "[function][array][host]") {
  const auto collect = [](const Tensor& x) {
    TensorArray all(float32, 8);
    Tensor y = x;
    std::int64_t n = 0;
    while (sum(y) < 20) {
      all = all.write(n++, y).write(7, y * 2);
      y = y * 2;
      if (n > 1 && sum(all.read(n - 2)) > 4) y = y + all.read(constant(n - 1));
    }
    Tensor last = all.read(Tensor(n - 1));
    for (Tensor i = Tensor(0); i < 3; i = i + 1) {
      all = all.write(i, last);
      last = last + all.read(i + 5 - 5);
    }
    return std::pair{all.stack(), last};
  };
  auto f = function(collect);
  for (float v : {1.f, 3.f, 1.f}) {
    const auto [all, last] = f(full({2}, v));
    const auto [eager_all, eager_last] = collect(full({2}, v));
    CHECK(array_equal(all, eager_all));
    CHECK(array_equal(last, eager_last));
  }
}
