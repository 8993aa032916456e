// Sizes in a trace: known ones are numbers, open ones are handed on, and what would decide by them is an error.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

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

TEST_CASE("deciding or computing by an open size is an error that names the line", "[function][sizes]") {
  const auto refuses = [](auto body, int line) {
    auto f = function(body, open_rows);
    CHECK_THROWS_WITH(
        f(ones({2, 3})), Catch::Contains("[dim]") && Catch::Contains("open_sizes.test.cpp:" + std::to_string(line)));
    CHECK_THROWS_AS(f(ones({2, 3})), UsageError);
    CHECK(function(body)(ones({2, 3})).defined());  // with known sizes it is traced for each
  };
  refuses([](const Tensor& x) { return x.dim(0) != 1 ? x : x * 2; }, __LINE__);
  refuses([](const Tensor& x) { return x.dim(0) > x.dim(1) ? x : x * 2; }, __LINE__);
  refuses([](const Tensor& x) { return reshape(x, {x.dim(0) * x.dim(1)}); }, __LINE__);
  refuses([](const Tensor& x) { return sum(x) / x.dim(0); }, __LINE__);
  refuses([](const Tensor& x) { return x(slice(0, x.dim(0))); }, __LINE__);
  refuses([](const Tensor& x) { return x[x.dim(0) - 1]; }, __LINE__);
  refuses(
      [](const Tensor& x) {
        Tensor y = x;
        for (std::int64_t i : range(x.dim(0))) y = y + x[i];
        return y;
      },
      __LINE__ - 3);
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
