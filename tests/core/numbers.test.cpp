// Numbers and the dtypes they meet: what fits is kept as it is, and comparisons are right for what does not.
#include "core/numbers.h"

#include "catch.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
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
