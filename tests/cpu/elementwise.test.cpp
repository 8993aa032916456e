// Loops that choose, divide, fill and reverse without branches, against the plain words of C++.
#include <cstdint>
#include <limits>
#include <random>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;

namespace {

template <class T>
T floor_of_quotient(T a, T b) {
  if (b == 0) return 0;
  const auto x = static_cast<std::int64_t>(a), y = static_cast<std::int64_t>(b);
  return static_cast<T>(x / y - (x % y != 0 && (x < 0) != (y < 0)));
}

/// All pairs of a few numbers, those at the ends of the type among them.
template <class T>
void check_division() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> numbers{Limits::min(), Limits::max(), 0, 1, 2, 3, 7, 100, static_cast<T>(-1), static_cast<T>(-3)};
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i) numbers.push_back(static_cast<T>(random()));
  std::vector<T> left, right, quotients, rests;
  for (const T a : numbers)
    for (const T b : numbers) {
      const T q = floor_of_quotient(a, b);
      left.push_back(a);
      right.push_back(b);
      quotients.push_back(q);
      rests.push_back(
          b == 0 ? T(0)
                 : static_cast<T>(
                       static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b) * static_cast<std::uint64_t>(q)));
    }
  const Tensor a = constant(left), b = constant(right);
  INFO(name(a.dtype()));
  CHECK(array_equal(floor_divide(a, b), constant(quotients)));
  CHECK(array_equal(a % b, constant(rests)));
}

}  // namespace

TEST_CASE("floor division and remainders of narrow integers are exact", "[elementwise]") {
  check_division<std::int8_t>();
  check_division<std::uint8_t>();
  check_division<std::int16_t>();
  check_division<std::uint16_t>();
  check_division<std::int32_t>();
  check_division<std::uint32_t>();
}

TEST_CASE("where takes each element from its side, whatever its size", "[elementwise]") {
  const Tensor condition = random::uniform({1003}, {.seed = 1}) < 0.5f;
  const auto chosen = condition.to_vector<bool>();
  for (DType dtype : {bool_, uint8, int16, float32, float64, int64}) {
    const Tensor a = random::integers(0, 2, {1003}, {.seed = 2}).cast(dtype), b = !a.cast(bool_);
    const Tensor c = where(condition, a, b.cast(dtype)), single = where(condition, a, ones({}, {.dtype = dtype}));
    INFO(name(dtype));
    int wrong = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const auto expected = chosen[i] ? a[at].item<double>() : b[at].item<double>();
      wrong += c[at].item<double>() != expected;
      wrong += single[at].item<double>() != (chosen[i] ? a[at].item<double>() : 1);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a NaN that where passes over leaves no trace", "[elementwise]") {
  const Tensor nans = full({40}, std::numeric_limits<float>::quiet_NaN());
  CHECK(array_equal(where(zeros({40}).cast(bool_), nans, ones({40})), ones({40})));
}

TEST_CASE("pow by the number two is the square, in the dtype that pow gives", "[elementwise]") {
  const Tensor x = random::normal({77}, {.seed = 1});
  CHECK(array_equal(pow(x, 2), x * x));
  CHECK(array_equal(pow(x, 2.0), x * x));
  const Tensor i = constant({-3, 4});
  CHECK(array_equal(pow(i, 2), constant({9, 16})));
  CHECK(pow(i, 2).dtype() == int32);
  CHECK(pow(i, 2.0).dtype() == float32);
  CHECK(pow(2, i + 4).dtype() == int32);
  GradientTape tape;
  tape.watch(x);
  CHECK(array_equal(tape.gradient(pow(x, 2), x), x * 2));
}

TEST_CASE("fills and reversals of every size of element reach the last one", "[elementwise]") {
  for (DType dtype : {bool_, uint8, int16, float32, float64, complex128})
    for (std::int64_t n : {1, 2, 15, 255, 256, 257, 4097, 70001}) {
      INFO(n << " of " << name(dtype));
      const auto plain = [](const Tensor& t) { return t.cast(float64); };  // complex numbers are not compared
      const Tensor counted = Tensor(range(n)).cast(dtype), reversed = contiguous(flip(counted));
      CHECK(array_equal(plain(full({n}, 1, {.dtype = dtype})), ones({n}, {.dtype = float64})));
      CHECK(array_equal(plain(reversed[0]), plain(counted[n - 1])));
      CHECK(array_equal(plain(reversed[n - 1]), plain(counted[0])));
      CHECK(array_equal(plain(contiguous(flip(reversed))), plain(counted)));
    }
}

TEST_CASE("ranges of whole numbers count in every dtype", "[elementwise]") {
  for (DType dtype : {uint8, int16, int64, float32}) {
    const auto numbers = range(200, 0, -3, {.dtype = dtype}).tensor().to_vector<std::int64_t>();
    REQUIRE(numbers.size() == 67);
    for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(numbers[i] == 200 - 3 * static_cast<std::int64_t>(i));
  }
}
