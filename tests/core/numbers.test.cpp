// Numbers and the dtypes they meet: what fits is kept as it is, and comparisons are right for what does not.
#include "core/numbers.h"

#include <cmath>
#include <complex>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/variable.h"

using namespace keen;

namespace {

using Answers = std::vector<bool>;

template <class T>
std::vector<T> elements(const Tensor& t) {
  return t.to_vector<T>();
}

}  // namespace

TEST_CASE("a number that an integer dtype holds is kept wherever it comes from", "[numbers]") {
  CHECK(elements<int>(constant({1.0, -2.0}, {.dtype = int8})) == std::vector{1, -2});
  CHECK(elements<int>(constant(std::vector<double>{3, 4}, {.dtype = int32})) == std::vector{3, 4});
  CHECK(elements<int>(full({2}, 255., {.dtype = uint8})) == std::vector{255, 255});
  CHECK(elements<int>(range(0., 3., 1., {.dtype = int32}).tensor()) == std::vector{0, 1, 2});
  CHECK(elements<int>(linspace(0, 4, 3, {.dtype = int64})) == std::vector{0, 2, 4});
  CHECK(elements<int>(pad(constant({1}), {{1, 0}}, -7)) == std::vector{-7, 1});
  Variable v(1);
  v.assign(2.).assign_add(3.);
  CHECK(v.item<int>() == 5);
  CHECK(elements<float>(full({1}, 1.5, {.dtype = float32})) == std::vector{1.5f});
}

TEST_CASE("the ends of every integer dtype fit, their neighbours do not", "[numbers]") {
  for (DType d : {int8, int16, int32, int64, uint8, uint16, uint32, uint64}) {
    INFO(name(d));
    const Operand low = detail::least(d), high = detail::greatest(d);
    CHECK(detail::holds(low, d));
    CHECK(detail::holds(high, d));
    if (d != int64) CHECK_FALSE(detail::holds(low.integer() - 1, d));
    if (d != uint64) CHECK_FALSE(detail::holds(static_cast<std::uint64_t>(high.integer()) + 1, d));
    CHECK_FALSE(detail::holds(18446744073709551616., d));
    CHECK_FALSE(detail::holds(-9223372036854777856., d));
    CHECK(detail::holds(0., d));
    CHECK_FALSE(detail::holds(0.5, d));
  }
  CHECK(full({}, ~std::uint64_t{0}, {.dtype = uint64}).item<std::uint64_t>() == ~std::uint64_t{0});
}

TEST_CASE("a number out of range is less or greater than every element", "[numbers]") {
  const Tensor x = constant({0, 200}, {.dtype = uint8});
  const Answers yes{true, true}, no{false, false};
  CHECK(elements<bool>(x < 300) == yes);
  CHECK(elements<bool>(x <= 300) == yes);
  CHECK(elements<bool>(x > 300) == no);
  CHECK(elements<bool>(x >= 300) == no);
  CHECK(elements<bool>(x == 300) == no);
  CHECK(elements<bool>(x != 300) == yes);
  CHECK(elements<bool>(300 > x) == yes);
  CHECK(elements<bool>(300 < x) == no);
  CHECK(elements<bool>(x < -1) == no);
  CHECK(elements<bool>(x <= -1) == no);
  CHECK(elements<bool>(x > -1) == yes);
  CHECK(elements<bool>(x >= -1) == yes);
  CHECK(elements<bool>(x == -1) == no);
  CHECK(elements<bool>(x != -1) == yes);
  CHECK(elements<bool>(-1 <= x) == yes);
  CHECK(elements<bool>(-1 == x) == no);
  CHECK(elements<bool>(constant({1, 255}, {.dtype = uint8}) < 255) == Answers{true, false});  // in range, looked at
  CHECK(elements<bool>(constant(std::vector<std::uint64_t>{0, ~std::uint64_t{0}}) > -1) == yes);
  CHECK(elements<bool>(constant(std::vector<std::int64_t>{5, 6}) < std::uint64_t{1} << 63) == yes);
  CHECK(elements<bool>(constant({2147483647, 5}) == 2147483648.0) == no);  // float32 would round them to the same
  CHECK(elements<bool>(constant(std::vector<std::int64_t>{INT64_MAX, 0}) < 9223372036854775808.0) == yes);
  CHECK((zeros({0, 3}, {.dtype = int8}) < 1000).shape() == Shape{0, 3});
}

TEST_CASE("comparisons with numbers out of range hold in compiled functions", "[numbers]") {
  auto f = function([](const Tensor& x) { return (x < 1000) & (x > -1000); });
  CHECK(elements<bool>(f(constant({1, -128}, {.dtype = int8}))) == Answers{true, true});
}

TEST_CASE("clip takes bounds that no element reaches for none", "[numbers]") {
  const Tensor x = constant({0, 100, 200}, {.dtype = uint8});
  CHECK(elements<int>(clip(x, -5, 150)) == std::vector{0, 100, 150});
  CHECK(elements<int>(clip(x, 50, 1000)) == std::vector{50, 100, 200});
  CHECK(clip(x, -5, 1000).dtype() == uint8);
}

TEST_CASE("creators convert a tensor's elements by the rule of numbers", "[numbers]") {
  CHECK(elements<int>(constant(constant({1., -2.}), {.dtype = int8})) == std::vector{1, -2});
  CHECK(elements<float>(constant(constant({1, 16777217}), {.dtype = float32})) == std::vector{1.f, 16777216.f});
  CHECK(elements<bool>(constant(constant({0.5, 0.}), {.dtype = bool_})) == Answers{true, false});
  CHECK(elements<int>(constant(full({1}, 2, {.dtype = complex64}), {.dtype = uint8})) == std::vector{2});
  CHECK(elements<int>(full({2}, constant(255.f), {.dtype = uint8})) == std::vector{255, 255});
  CHECK(elements<int>(full_like(zeros({2}, {.dtype = int64}), constant(7.f))) == std::vector{7, 7});
  const auto refuses = [](auto make, const std::string& name, const std::string& element) {
    CHECK_THROWS_AS(make(), DTypeError);
    CHECK_THROWS_WITH(
        make(), Catch::Contains('[' + name + ']') && Catch::Contains(element) && Catch::Contains("cast(x, "));
  };
  refuses([] { return constant(constant({1., 2.5}), {.dtype = int32}); }, "constant", "2.5");
  refuses([] { return constant(constant({NAN}), {.dtype = int32}); }, "constant", "nan");
  refuses([] { return constant(constant({1e20}), {.dtype = int64}); }, "constant", "1e+20");
  refuses([] { return constant(constant({-1}), {.dtype = uint64}); }, "constant", "-1");
  refuses([] { return full({2}, constant(300), {.dtype = uint8}); }, "full", "300");
  refuses([] { return full_like(constant(1), constant(0.5)); }, "full_like", "0.5");
  const std::vector<std::complex<float>> imaginary{{1, -2}};
  refuses([&] { return constant(imaginary, {.dtype = float32}); }, "constant", "1-2j");
}

TEST_CASE("elements that a trace does not know convert where the dtype always holds them", "[numbers]") {
  auto wider = function([](const Tensor& x) {
    return std::tuple{
        constant(x, {.dtype = int64}), full({2}, x[0], {.dtype = float32}), constant(x, {.dtype = bool_})};
  });
  const auto [wide, filled, truth] = wider(constant({3, 0}));
  CHECK(wide.dtype() == int64);
  CHECK(elements<float>(filled) == std::vector{3.f, 3.f});
  CHECK(elements<bool>(truth) == Answers{true, false});
  auto narrower = function([](const Tensor& x) { return constant(x, {.dtype = int32}); });
  CHECK_THROWS_AS(narrower(constant({1.f})), DTypeError);
  CHECK_THROWS_WITH(
      narrower(constant({1.f})),
      Catch::Contains("[constant]") && Catch::Contains("cast(x, int32)") && Catch::Contains("float32"));
  const Tensor known = constant({2.f});
  CHECK(function([&] { return constant(known, {.dtype = int32}); })().dtype() == int32);
}

TEST_CASE("a converted tensor has a gradient as a cast one has", "[numbers]") {
  const Tensor x = constant({1.f, 2.f});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = sum(square(constant(x, {.dtype = float64})));
  CHECK(elements<float>(tape.gradient(y, x)) == std::vector{2.f, 4.f});
}
