// Sizes in a trace: known ones are numbers, open ones are handed on, and what would decide by them is an error.
#include "catch.h"
#include "errors.h"
#include "keen/keen.h"

using namespace keen;
using test::error_of, test::traced_at;

namespace {

const FunctionOptions open_rows{.input_signature = {TensorSpec({unknown, 3})}};

}  // namespace

TEST_CASE("a known size is a number everywhere", "[function][sizes]") {
  const Tensor x = ones({2, 3});
  const std::int64_t n = x.dim(0);
  const int columns = static_cast<int>(x.dim(1));
  CHECK(n == 2);
  CHECK(columns == 3);
  CHECK(x.dim(0) == 2);
  CHECK(x.dim(0) != x.dim(1));
  CHECK(x.dim(0) + 1 == 3);
  CHECK((x.dim(0) > 1 ? x.dim(0) : 1) == 2);
  CHECK(std::vector<float>(static_cast<std::size_t>(x.dim(1))).size() == 3);
  CHECK((sum(x) / x.dim(0)).item<float>() == 3);
  CHECK(x(slice(1, x.dim(0)), x.dim(1) - 1).shape() == Shape{1});
  CHECK(constant({x.dim(0), x.dim(1)}).to_vector<int>() == std::vector{2, 3});
  CHECK(zeros({x.dim(1), 2 * x.dim(0)}).shape() == Shape{3, 4});
  int turns = 0;
  for ([[maybe_unused]] std::int64_t i : range(x.dim(1))) ++turns;
  CHECK(turns == 3);
  std::ostringstream out;
  out << x.dim(0);
  CHECK(out.str() == "2");
}

TEST_CASE("an open size is handed on", "[function][sizes]") {
  auto f = function(
      [](const Tensor& x) {
        const auto rows = x.dim(0);
        CHECK_FALSE(rows.is_known());
        CHECK(x.dim(1).is_known());
        CHECK(rows == (x * 2).dim(0));
        Tensor total = zeros({rows});
        for (Tensor i : range(rows, carry(total))) total = total + x[i][0];
        return std::pair{reshape(x, {rows, 3, 1}), total};
      },
      open_rows);
  for (int n : {1, 4}) {
    const auto [y, total] = f(ones({n, 3}));
    CHECK(y.shape() == Shape{n, 3, 1});
    CHECK(array_equal(total, ones({n}) * n));
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("deciding by an open size is an error that names the line", "[function][sizes]") {
  const auto refuses = [](auto body, int line) {
    auto f = function(body, open_rows);
    CHECK_THROWS_WITH(
        f(ones({2, 3})), Catch::Contains("[dim]") && Catch::Contains("open_sizes.test.cpp:" + std::to_string(line)));
    CHECK_THROWS_AS(f(ones({2, 3})), UsageError);
    CHECK(function(body)(ones({2, 3})).defined());  // with known sizes it is traced for each
  };
  refuses([](const Tensor& x) { return x.dim(0) != 1 ? x : x * 2; }, __LINE__);
  refuses([](const Tensor& x) { return x.dim(0) > x.dim(1) ? x : x * 2; }, __LINE__);
  refuses([](const Tensor& x) { return x * static_cast<float>(x.dim(0)); }, __LINE__);
  refuses([](const Tensor& x) { return x / sqrt(x.dim(0)); }, __LINE__);
  refuses(
      [](const Tensor& x) {
        Tensor y = x;
        for (std::int64_t i : range(x.dim(0))) y = y + x[i];
        return y;
      },
      __LINE__ - 3);
}

TEST_CASE("open sizes are computed with as numbers are", "[function][sizes]") {
  const auto sizes = [](const Tensor& x) {
    const Size n = x.dim(0), m = x.dim(1);
    Size counted = n;
    counted += 2;
    counted *= m;
    ++counted;
    return std::vector<Tensor>{
        n + 1,
        1 + n,
        n - 4,
        4 - n,
        n * m,
        n * 3,
        n / 2,
        7 / n,
        n % 2,
        (n + m) / 2,
        -n,
        max(n, 3),
        min(n, m),
        max(2 * n, n),
        (n * m) / m,
        n - n,
        (n - 1) * (m - 1),
        (2 * n + 4) / 2,
        counted,
        max(n - 2, 0),
        n / m * m,
        min(n - 1, n)};
  };
  auto f = function(sizes, {.input_signature = {TensorSpec({unknown, unknown})}});
  for (const Shape& shape : {Shape{1, 2}, Shape{2, 1}, Shape{5, 3}, Shape{3, 7}}) {
    const Tensor x = ones(shape);
    const auto wanted = sizes(x), found = f(x);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      INFO("size " << i << " of " << shape);
      CHECK(found[i].dtype() == int64);
      CHECK(found[i].item<std::int64_t>() == wanted[i].item<std::int64_t>());
    }
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("sizes that are equal for every call are one and the same", "[function][sizes]") {
  auto f = function(
      [](const Tensor& x, const Tensor& y) {
        const Size n = x.dim(0), m = y.dim(0);
        CHECK(x(slice(1, {})).dim(0) == x(slice({}, -1)).dim(0));
        CHECK(x(slice({}, {}, -1)).dim(0) == n);
        CHECK(concat({x, y, x}).dim(0) == concat({y, x, x}).dim(0));
        CHECK(concat(split(x, 3)).dim(0) == n);
        CHECK(pad(x, {{1, 2}, {0, 0}})(slice(1, -2)).dim(0) == n);
        CHECK((x + y).dim(0) == (y * x).dim(0));
        CHECK(reshape(x, {-1, 1}).dim(0) == 3 * n);
        CHECK(reshape(reshape(x, {-1}), {-1, 3}).dim(0) == n);
        CHECK(tile(x, {2, 1}).dim(0) == n + n);
        CHECK((n + m) - m == n);
        return Tensor(1);
      },
      {.input_signature = {TensorSpec({unknown, 3}), TensorSpec({unknown, 3})}});
  CHECK(f(ones({3, 3}), ones({1, 3})).item<int>() == 1);
}

TEST_CASE("a call whose sizes do not fit says what eager code says, and the line", "[function][sizes]") {
  const auto check = [](auto body, const Tensor& good, const Tensor& bad, unsigned line) {
    auto f = function(body, {.input_signature = {TensorSpec({unknown, unknown})}});
    CHECK(f(good).defined());
    const std::string eager = error_of([&] { body(bad); });
    CHECK_FALSE(eager.empty());
    CHECK(error_of([&] { f(bad); }) == eager + traced_at(line));
    CHECK(f(good).defined());
  };
  const Tensor wide = ones({4, 6}), tall = ones({5, 2}), none = ones({0, 2});
  check([](const Tensor& x) { return x[4]; }, tall, wide, __LINE__);
  check([](const Tensor& x) { return x[-1]; }, wide, none, __LINE__);
  check([](const Tensor& x) { return x(all_of, 3); }, wide, tall, __LINE__);
  check([](const Tensor& x) { return x + ones({4, 1}); }, wide, tall, __LINE__);
  check([](const Tensor& x) { return matmul(x, ones({6, 2})); }, wide, tall, __LINE__);
  check([](const Tensor& x) { return reshape(x, {-1, 4}); }, wide, tall, __LINE__);
  check([](const Tensor& x) { return concat({x, ones({2, 6})}); }, wide, tall, __LINE__);
  check([](const Tensor& x) { return max(x, 0); }, wide, none, __LINE__);
  auto parts = function([](const Tensor& x) { return split(x, 2)[0]; }, open_rows);
  CHECK_THROWS_WITH(parts(ones({5, 3})), Catch::Contains("[split]") && Catch::Contains("2 equal parts"));
  CHECK_THROWS_AS(parts(ones({5, 3})), ShapeError);
}

TEST_CASE("what only a size could decide is an error that says what to do", "[function][sizes]") {
  CHECK_THROWS_WITH(
      function([](const Tensor& x) { return unstack(x)[0]; }, open_rows)(ones({2, 3})),
      Catch::Contains("[unstack]") && Catch::Contains("map_fn"));
  CHECK_THROWS_WITH(
      function([](const Tensor& x) { return squeeze(x); }, open_rows)(ones({2, 3})),
      Catch::Contains("[squeeze]") && Catch::Contains("name the axes"));
  CHECK_THROWS_WITH(
      function([](const Tensor& x) { return cast(x, uint8) * x.dim(0); }, open_rows)(ones({2, 3})),
      Catch::Contains("[multiply]") && Catch::Contains("uint8"));
}

TEST_CASE("a dataset of slices is reduced whatever their number", "[function][sizes]") {
  const auto check = [](auto body, const std::vector<int>& sizes) {
    auto f = function(body, open_rows);
    for (int n : sizes) {
      INFO(n << " rows");
      const Tensor x = reshape(Tensor(range(3 * n, {.dtype = float32})), {n, 3}) * .1f;
      CHECK(allclose(f(x), body(x)));
    }
    CHECK(f.trace_count() == 1);
  };
  const auto add = [](const Tensor& s, const Tensor& row) { return s * .5f + sum(row, 0); };
  check([&](const Tensor& x) { return data::from_tensor_slices(x).reduce(Tensor(0.f), add); }, {1, 4, 0});
  check(
      [&](const Tensor& x) { return data::from_tensor_slices(x).skip(1).take(2).reduce(Tensor(0.f), add); }, {1, 2, 5});
  const auto rows = [](const Tensor& s, const Tensor& batch) { return s + sum(batch) * batch.dim(0); };
  check([&](const Tensor& x) { return data::from_tensor_slices(x).batch(2).reduce(Tensor(0.f), rows); }, {1, 4, 5, 0});
  check(
      [&](const Tensor& x) {
        return data::from_tensor_slices(x).batch(2, {.drop_remainder = true}).reduce(Tensor(0.f), rows);
      },
      {1, 4, 5});
  auto walked = function(
      [](const Tensor& x) {
        for (const Tensor& row : data::from_tensor_slices(x)) static_cast<void>(row);
        return x;
      },
      open_rows);
  CHECK_THROWS_WITH(walked(ones({2, 3})), Catch::Contains("[from_tensor_slices]") && Catch::Contains("reduce"));
}

TEST_CASE("an open size is a tensor with the number that each call has", "[function][sizes]") {
  auto f = function(
      [](const Tensor& x) {
        const Tensor rows = x.dim(0);
        return std::tuple{
            rows, sum(x) / Tensor(x.dim(0)),
            cond(
                sum(x) > 4, [&] { return rows + 1; }, [&] { return Tensor(x.dim(0)); })};
      },
      open_rows);
  for (int n : {1, 4, 0}) {
    const auto [rows, mean_row, chosen] = f(ones({n, 3}));
    CHECK(rows.dtype() == int64);
    CHECK(rows.item<int>() == n);
    if (n) CHECK(mean_row.item<float>() == 3);
    CHECK(chosen.item<int>() == (n == 4 ? 5 : n));
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("an open size is a tensor in loops and under tapes too", "[function][sizes]") {
  auto looped = function(
      [](const Tensor& x) {
        Tensor total(0.f);
        for (Tensor i : range(x.dim(0), carry(total))) total = total + sum(x[i]) * Tensor(x.dim(0));
        return total;
      },
      open_rows);
  auto taped = function(
      [](const Tensor& x) {
        GradientTape tape;
        tape.watch(x);
        return tape.gradient(sum(square(x)) / Tensor(x.dim(0)), x);
      },
      open_rows);
  for (int n : {1, 3}) {
    const Tensor x = ones({n, 3});
    GradientTape tape;
    tape.watch(x);
    const Tensor y = looped(x);
    CHECK(y.item<int>() == 3 * n * n);
    CHECK(array_equal(tape.gradient(y, x), x * n));
    CHECK(allclose(taped(x), x * (2. / n)));
  }
}

TEST_CASE("an open size prints as the number that each call has", "[function][sizes]") {
  std::ostringstream out;
  auto* const before = std::cout.rdbuf(out.rdbuf());
  auto f = function([](const Tensor& x) { print("rows", x.dim(0), "of", x.shape()); }, open_rows);
  f(ones({2, 3}));
  f(ones({5, 3}));
  std::cout.rdbuf(before);
  CHECK(out.str() == "rows 2 of (2, 3)\nrows 5 of (5, 3)\n");
}

TEST_CASE("the rows of an open tensor cannot be walked by the host", "[function][sizes]") {
  auto f = function(
      [](const Tensor& x) {
        Tensor last;
        for (Tensor row : x) last = row;
        return last;
      },
      open_rows);
  CHECK_THROWS_AS(f(ones({2, 3})), UsageError);
  CHECK_THROWS_WITH(f(ones({2, 3})), Catch::Contains("scan"));
}

namespace {

/// Runs `body` as it is and traced once for open sizes, on tensors of many sizes: the results must be alike.
template <class Body>
void agrees_when_open(Body body, std::vector<Shape> specs, const std::vector<std::vector<Shape>>& calls) {
  FunctionOptions options;
  for (const Shape& spec : specs) options.input_signature.push_back(TensorSpec(spec));
  auto f = function(body, options);
  for (const auto& shapes : calls) {
    std::vector<Tensor> in;
    float first = .3f;
    for (const Shape& shape : shapes) {
      const auto n = shape.num_elements();
      in.push_back(reshape(sin(Tensor(range(n, {.dtype = float32})) + first), shape));
      first += 1.1f;
    }
    const auto run = [&](auto& callable) {
      if constexpr (std::is_invocable_v<Body, Tensor, Tensor, Tensor>) return callable(in[0], in[1], in[2]);
      else return callable(in[0], in[1]);
    };
    const Tensor wanted = run(body), found = run(f);
    INFO("arguments " << shapes[0] << ", " << shapes[1]);
    CHECK(found.shape() == wanted.shape());
    CHECK(allclose(found, wanted, 1e-5, 1e-6));
    // Under a tape from outside too, where the call is recorded.
    const auto outer = [&](auto& callable) {
      GradientTape tape;
      tape.watch(in[1]);
      const Tensor y = sum(square(run(callable)));
      const Tensor dy = tape.gradient(y, in[1], {.unconnected = Unconnected::zero});
      return dy;
    };
    CHECK(allclose(outer(f), outer(body), 1e-4, 1e-5));
  }
  CHECK(f.trace_count() == 1);
}

const std::vector<std::vector<Shape>> vectors{{{3}, {3}}, {{1}, {4}}, {{4}, {1}}, {{1}, {1}}, {{0}, {1}}};

}  // namespace

TEST_CASE("gradients of two open sizes that broadcast are those of each call", "[function][sizes]") {
  const auto gradient_of = [](auto loss) {
    return [loss](const Tensor& x, const Tensor& w) {
      GradientTape tape;
      tape.watch(w);
      return tape.gradient(loss(x, w), w);
    };
  };
  const auto agrees = [&](auto loss) {
    agrees_when_open(gradient_of(loss), {{unknown}, {unknown}}, vectors);
    agrees_when_open(
        gradient_of(loss), {{unknown, unknown}, {unknown}},
        {{{2, 3}, {3}}, {{2, 3}, {1}}, {{2, 1}, {3}}, {{1, 1}, {4}}, {{1, 4}, {4}}});
  };
  agrees([](const Tensor& x, const Tensor& w) { return sum(x * w); });
  agrees([](const Tensor& x, const Tensor& w) { return x - w; });
  agrees([](const Tensor& x, const Tensor& w) { return sum(square(x * w) + x * w) + sum(x * w); });
  agrees([](const Tensor& x, const Tensor& w) { return sum(tanh(x + w) * (x - w), -1); });
  agrees([](const Tensor& x, const Tensor& w) { return mean(maximum(x, w)); });
}

TEST_CASE("the gradient of a gradient of open sizes is that of each call", "[function][sizes]") {
  agrees_when_open(
      [](const Tensor& x, const Tensor& w) {
        GradientTape outer;
        outer.watch(w);
        GradientTape inner;
        inner.watch(w);
        const Tensor first = inner.gradient(sum(x * w * w), w);
        return outer.gradient(sum(first * w), w);
      },
      {{unknown}, {unknown}}, vectors);
}

TEST_CASE("attention over open lengths has its gradient", "[function][sizes]") {
  agrees_when_open(
      [](const Tensor& x, const Tensor& y) {
        GradientTape tape;
        tape.watch(y);
        return tape.gradient(sum(square(matmul(softmax(matmul(x, y, {.transpose_b = true})), y))), y);
      },
      {{unknown, 3}, {unknown, 3}}, {{{2, 3}, {4, 3}}, {{1, 3}, {4, 3}}, {{4, 3}, {1, 3}}, {{1, 3}, {1, 3}}});
}

TEST_CASE("a masked loss of open sizes has its gradient", "[function][sizes]") {
  agrees_when_open(
      [](const Tensor& p, const Tensor& y, const Tensor& m) {
        GradientTape tape;
        tape.watch(p);
        return tape.gradient(sum(square(p - y) * m) / sum(m), p);
      },
      {{unknown, unknown}, {unknown, unknown}, {unknown, unknown}},
      {{{2, 3}, {2, 3}, {2, 3}}, {{2, 3}, {2, 1}, {1, 3}}, {{1, 1}, {2, 3}, {2, 3}}, {{1, 1}, {1, 1}, {1, 1}}});
}

TEST_CASE("a branch on broadcast open sizes has its gradient", "[function][sizes]") {
  agrees_when_open(
      [](const Tensor& x, const Tensor& y) {
        GradientTape tape;
        tape.watch(y);
        const Tensor z = cond(
            sum(x) > 0, [&] { return x + y; }, [&] { return square(x * y); });
        return tape.gradient(sum(z * z), y);
      },
      {{unknown}, {unknown}}, vectors);
  agrees_when_open(
      [](const Tensor& x, const Tensor& y) {
        const Tensor s = x + y;
        GradientTape tape;
        tape.watch(s);
        const Tensor z = cond(
            sum(x) > 0, [&] { return s * x; }, [&] { return s * s; });
        return tape.gradient(z, s);
      },
      {{unknown}, {unknown}}, vectors);
}

namespace {

Tensor smoothed(const Tensor& x, const Tensor& y) {
  Tensor z = x;
  for ([[maybe_unused]] Tensor i : range(3, carry(z))) z = z * .9f + y * .1f;
  return z;
}

const std::vector<std::vector<Shape>> tables{{{2, 3}, {2, 3}}, {{1, 3}, {1, 3}}, {{4, 3}, {1, 3}}, {{1, 3}, {4, 3}}};

}  // namespace

TEST_CASE("a loop may broadcast what it carries", "[function][sizes]") {
  auto f = function(smoothed, {.input_signature = {TensorSpec({unknown, 3}), TensorSpec({unknown, 3})}});
  for (const auto& shapes : tables) {
    const Tensor x = random::normal(shapes[0], {.seed = 1}), y = random::normal(shapes[1], {.seed = 2});
    CHECK(f(x, y).shape() == smoothed(x, y).shape());
    CHECK(allclose(f(x, y), smoothed(x, y), 1e-5, 1e-6));
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("a loop that broadcasts what it carries has its gradient", "[function][sizes]") {
  const auto gradient = [](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    tape.watch(y);
    return tape.gradient(sum(square(smoothed(x, y))), y);
  };
  auto f = function(gradient, {.input_signature = {TensorSpec({unknown, 3}), TensorSpec({unknown, 3})}});
  for (const auto& shapes : tables) {
    const Tensor x = random::normal(shapes[0], {.seed = 1}), y = random::normal(shapes[1], {.seed = 2});
    CHECK(allclose(f(x, y), gradient(x, y), 1e-4, 1e-5));
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("the number of elements of an open tensor is an error that says what to do", "[function][sizes]") {
  auto f = function([](const Tensor& x) { return x * static_cast<float>(x.size()); }, open_rows);
  CHECK_THROWS_WITH(f(ones({2, 3})), Catch::Contains("[size]") && Catch::Contains("x.dim(0)"));
}

TEST_CASE("a place to set that lies outside an open axis is the error of eager code", "[function][sizes]") {
  const auto f = function(
      [](const Tensor& x) {
        return set(x, {5, slice({}, 2)}, 1.f);
      },
      {.input_signature = {TensorSpec({unknown, unknown})}});
  CHECK(allclose(f(zeros({6, 3})), set(zeros({6, 3}), {5, slice({}, 2)}, 1.f)));
  CHECK_THROWS_AS(f(zeros({5, 3})), IndexError);
  CHECK_THROWS_AS(f(zeros({0, 3})), IndexError);
}

TEST_CASE("label smoothing with an open number of classes", "[function][sizes]") {
  const auto loss = [](const Tensor& labels, const Tensor& logits) {
    return losses::categorical_crossentropy(labels, logits, {.from_logits = true, .label_smoothing = 0.1});
  };
  const auto f = function(loss, {.input_signature = {TensorSpec({unknown, unknown}), TensorSpec({unknown, unknown})}});
  for (const Shape& shape : {Shape{2, 3}, Shape{4, 7}}) {
    const Tensor labels = softmax(random::normal(shape, {.seed = 1})), logits = random::normal(shape, {.seed = 2});
    CHECK(allclose(f(labels, logits), loss(labels, logits)));
  }
}

TEST_CASE("ensure_shape gives its operand, and checks the sizes that a trace leaves open", "[function][sizes]") {
  const Tensor x = ones({2, 3});
  CHECK(ensure_shape(x, {2, unknown}).impl() == x.impl());
  CHECK_THROWS_WITH(ensure_shape(x, {unknown, 4}), Catch::Contains("[ensure_shape]") && Catch::Contains("(?, 4)"));
  CHECK_THROWS_AS(ensure_shape(x, {2}), ShapeError);
  const auto slope = [](const Tensor& v, const Tensor& w) {
    GradientTape tape;
    tape.watch(v);
    return tape.gradient(sum(square(ensure_shape(v, {unknown, 3}) * ensure_shape(v, w.shape()) + w)), v);
  };
  const auto f = function(slope, {.input_signature = {TensorSpec({unknown, unknown}), TensorSpec({unknown, unknown})}});
  CHECK(allclose(f(x, x * 2), slope(x, x * 2)));
  CHECK_THROWS_AS(f(ones({2, 4}), ones({2, 4})), ShapeError);
  CHECK_THROWS_AS(f(x, ones({1, 3})), ShapeError);
}

TEST_CASE("labels and predictions of open shapes that differ are the error of eager code", "[function][sizes]") {
  const auto open = TensorSpec({unknown, unknown});
  const auto f = function(
      [](const Tensor& a, const Tensor& b) { return losses::mean_squared_error(a, b); },
      {.input_signature = {open, open}});
  CHECK(allclose(f(ones({2, 3}), zeros({2, 3})), constant(1.f)));
  CHECK_THROWS_AS(f(ones({2, 1}), ones({2, 3})), ShapeError);
  const auto squeezed =
      function([](const Tensor& a, const Tensor&) { return squeeze(a, 0); }, {.input_signature = {open, open}});
  CHECK(squeezed(ones({1, 3}), ones({1, 1})).shape() == Shape{3});
  CHECK_THROWS_AS(squeezed(ones({4, 0}), ones({1, 1})), ShapeError);
}

TEST_CASE("a size that a trace leaves open is never read as a number", "[function][sizes]") {
  const auto open = [](auto body) { return function(body, {.input_signature = {TensorSpec({unknown, 3})}}); };
  const auto divides = open([](const Tensor& x) { return sum(x) / static_cast<float>(x.shape()[0]); });
  CHECK_THROWS_WITH(divides(ones({4, 3})), Catch::Contains("(?, 3)") && Catch::Contains("x.dim(axis)"));
  const auto decides = open([](const Tensor& x) { return x.shape()[0] > 2 ? x : -x; });
  CHECK_THROWS_AS(decides(ones({4, 3})), UsageError);
  const auto walks = open([](const Tensor& x) {
    std::int64_t product = 1;
    for (auto size : x.shape()) product *= size;
    return x * product;
  });
  CHECK_THROWS_AS(walks(ones({4, 3})), UsageError);
  const auto uses = open([](const Tensor& x) {
    const auto shape = x.shape();
    return sum(x * ones(shape) + zeros(x.shape())) * shape[1] / x.dim(0) + shape[-1] + shape.rank();
  });
  CHECK(uses(ones({4, 3})).item<float>() == 14);
}
