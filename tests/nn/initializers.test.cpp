// Initializers: bounds, moments, seeds and names.
#include <cmath>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;
namespace init = keen::initializers;

namespace {

struct Moments {
  double mean, stddev, largest;
};
Moments moments(const init::Initializer& make, const Shape& shape) {
  const Tensor x = make(shape, float64);
  return {mean(x).item<double>(), std::sqrt(variance(x).item<double>()), max(abs(x)).item<double>()};
}

}  // namespace

TEST_CASE("constant initializers fill", "[nn]") {
  CHECK(array_equal(init::zeros()({2, 3}), zeros({2, 3})));
  CHECK(array_equal(init::ones()({2}), ones({2})));
  CHECK(init::constant(2.5)({2}, float64).to_vector<double>() == std::vector<double>{2.5, 2.5});
}

TEST_CASE("random initializers have the spread their names promise", "[nn]") {
  const Shape dense{300, 200}, kernel{5, 5, 20, 40};
  auto check = [](const Moments& m, double stddev) {
    CHECK(m.mean == Approx(0).margin(4 * stddev / std::sqrt(20000)));
    CHECK(m.stddev == Approx(stddev).epsilon(0.02));
  };
  check(moments(init::random_normal({.seed = 1}), dense), 0.05);
  check(moments(init::random_uniform({.seed = 1}), dense), 0.1 / std::sqrt(12));
  check(moments(init::glorot_uniform(1), dense), std::sqrt(2.0 / 500));
  check(moments(init::glorot_normal(1), dense), std::sqrt(2.0 / 500));
  check(moments(init::he_uniform(1), kernel), std::sqrt(2.0 / (25 * 20)));
  check(moments(init::he_normal(1), kernel), std::sqrt(2.0 / (25 * 20)));
  check(moments(init::lecun_uniform(1), dense), std::sqrt(1.0 / 300));
  check(moments(init::lecun_normal(1), dense), std::sqrt(1.0 / 300));
  CHECK(moments(init::truncated_normal({.seed = 1}), dense).largest <= 0.1);
  CHECK(moments(init::glorot_uniform(1), dense).largest <= std::sqrt(6.0 / 500));
  CHECK(moments(init::he_normal(1), dense).largest <= 2 * std::sqrt(2.0 / 300) / 0.8796);
}

TEST_CASE("a seeded initializer repeats itself, others go on", "[nn]") {
  CHECK(array_equal(init::glorot_uniform(5)({3, 4}), init::glorot_uniform(5)({3, 4})));
  CHECK_FALSE(array_equal(init::glorot_uniform(5)({3, 4}), init::glorot_uniform(6)({3, 4})));
  const init::Initializer free = init::glorot_uniform();
  CHECK_FALSE(array_equal(free({3, 4}), free({3, 4})));
  set_seed(3);
  const Tensor first = free({3, 4});
  set_seed(3);
  CHECK(array_equal(free({3, 4}), first));
}

TEST_CASE("initializers are found by name", "[nn]") {
  CHECK(array_equal(init::Initializer("ones")({2}), ones({2})));
  CHECK(init::Initializer(std::string("he_normal"))({2, 2}).shape() == Shape{2, 2});
  CHECK_THROWS_AS(init::Initializer("xavier"), UsageError);
  CHECK(init::glorot_uniform()({}).shape() == Shape{});
  CHECK(init::glorot_uniform()({0, 3}).size() == 0);
}
