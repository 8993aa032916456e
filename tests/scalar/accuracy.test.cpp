// The error of every elementwise function, against long double. Run once per instruction set (KEEN_ISA).
#include <algorithm>
#include <cmath>
#include <limits>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "ulp.h"

using namespace keen;
using test::arguments;
using test::ulp_error;

namespace {

struct Case {
  const char* name;
  Tensor (*function)(TensorOperand);
  long double (*exact)(long double);
  double float_bound, double_bound;  // in ULP
};

long double exact_sigmoid(long double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
long double exact_softplus(long double x) {
  return std::isnan(x) ? x : std::fmax(x, 0.0L) + std::log1p(std::exp(-std::fabs(x)));
}

// What include/keen/ops/math.h promises is 4; what was measured is in lib/scalar/functions.def.
const Case cases[] = {
    {"sqrt", sqrt, [](long double x) { return std::sqrt(x); }, 0.501, 0.501},
    {"rsqrt", rsqrt, [](long double x) { return 1 / std::sqrt(x); }, 1.5, 1.5},
    {"reciprocal", reciprocal, [](long double x) { return 1 / x; }, 0.501, 0.501},
    {"exp", exp, [](long double x) { return std::exp(x); }, 1.05, 1.05},
    {"expm1", expm1, [](long double x) { return std::expm1(x); }, 1.75, 2.0},
    {"log", log, [](long double x) { return std::log(x); }, 0.9, 0.9},
    {"log1p", log1p, [](long double x) { return std::log1p(x); }, 1.5, 1.5},
    {"sin", sin, [](long double x) { return std::sin(x); }, 1.5, 1.5},
    {"cos", cos, [](long double x) { return std::cos(x); }, 1.5, 1.5},
    {"tanh", tanh, [](long double x) { return std::tanh(x); }, 1.5, 2.6},
    {"sigmoid", sigmoid, exact_sigmoid, 2.5, 2.5},
    {"softplus", softplus, exact_softplus, 1.75, 1.75},
    {"erf", erf, [](long double x) { return std::erf(x); }, 1.5, 1.5},
    {"floor", floor, [](long double x) { return std::floor(x); }, 0.0, 0.0},
    {"ceil", ceil, [](long double x) { return std::ceil(x); }, 0.0, 0.0},
    {"round", round, [](long double x) { return std::nearbyint(x); }, 0.0, 0.0},
};

template <class T>
void check(const Case& c, int count, double bound) {
  const std::vector<T> x = arguments<T>(count);
  const Tensor y = c.function(constant(x));
  const auto got = y.span<T>();
  double worst = 0;
  T at = 0;
  int wrong_signs = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double exact = c.exact(x[i]);
    const double error = ulp_error(got[i], exact);
    if (error > worst) worst = error, at = x[i];
    wrong_signs += got[i] == 0 && exact == 0 && std::signbit(got[i]) != std::signbit(exact);
  }
  INFO(c.name << " of " << (sizeof(T) == 4 ? "float32" : "float64") << ": " << worst << " ULP at " << at);
  CHECK(worst <= bound);
  CHECK(wrong_signs == 0);
}

}  // namespace

TEST_CASE("float32 functions stay within their error bounds", "[scalar]") {
  for (const Case& c : cases) check<float>(c, 1 << 20, c.float_bound);
}

TEST_CASE("float64 functions stay within their error bounds", "[scalar]") {
  for (const Case& c : cases) check<double>(c, 1 << 17, c.double_bound);
}

TEMPLATE_TEST_CASE("functions with limits reach them", "[scalar]", float, double) {
  using T = TestType;
  const T infinity = std::numeric_limits<T>::infinity();
  const auto at = [](Tensor (*f)(TensorOperand), T x) { return f(constant(x)).template item<T>(); };
  for (T x : {T(25), T(1e10), infinity}) {
    CHECK(at(tanh, x) == 1);
    CHECK(at(tanh, -x) == -1);
    CHECK(at(erf, x) == 1);
    CHECK(at(erf, -x) == -1);
    CHECK(at(gelu, x) == x);
  }
  CHECK(at(sigmoid, infinity) == 1);
  CHECK(at(sigmoid, -infinity) == 0);
  for (T x : {T(1e3), T(1e4), T(1e10)})
    for (bool approximate : {true, false}) {
      GradientTape tape;
      const Tensor far = constant(std::vector<T>{x, -x});
      tape.watch(far);
      const Tensor y = gelu(far, approximate);
      CHECK(tape.gradient(sum(y), far).template to_vector<T>() == std::vector<T>{1, 0});
    }
}

// Where x is negative the formulas cancel: what is bounded is the error beside x.
TEMPLATE_TEST_CASE("gelu stays within 3 ULP of max(|x|, 1)", "[scalar]", float, double) {
  using T = TestType;
  const std::vector<T> x = arguments<T>(1 << 17);
  const auto check_against = [&](const Tensor& y, auto exact) {
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T scale = std::max(std::abs(x[i]), T(1)), got = y.span<T>()[i];
      if (!std::isfinite(scale)) continue;
      const long double unit =
          std::nextafter(scale, std::numeric_limits<T>::infinity()) - static_cast<long double>(scale);
      const double error = static_cast<double>(std::abs(got - exact(static_cast<long double>(x[i]))) / unit);
      if (!(error <= worst)) worst = error;
    }
    CHECK(worst <= 3);
  };
  check_against(gelu(constant(x)), [](long double v) {
    const long double u = 0.797884560802865355879892L * (v + 0.044715L * v * v * v);
    return 0.5L * v * (1 + std::tanh(u));
  });
  check_against(gelu(constant(x), false), [](long double v) {
    return 0.5L * v * (1 + std::erf(v * 0.707106781186547524400844L));
  });
}

TEMPLATE_TEST_CASE("powers are accurate and have the special values of C", "[scalar]", float, double) {
  using T = TestType;
  std::vector<T> x = arguments<T>(1 << 18), y = arguments<T>(1 << 18);
  std::mt19937_64 random(7);
  std::shuffle(y.begin(), y.end(), random);
  const std::vector<T> edges = {0, 1, 2, 3, T(0.5), T(2.5), T(1e30), std::numeric_limits<T>::infinity(), NAN};
  for (T a : edges)
    for (T b : edges)
      for (int signs = 0; signs < 4; ++signs) x.push_back(signs & 1 ? -a : a), y.push_back(signs & 2 ? -b : b);
  const Tensor z = pow(constant(x), constant(y));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error =
        ulp_error(z.span<T>()[i], std::pow(static_cast<long double>(x[i]), static_cast<long double>(y[i])));
    INFO(x[i] << " to the " << y[i] << " gives " << z.span<T>()[i]);
    if (error > 1.0) CHECK(error <= 1.0);
    worst = std::max(worst, error);
  }
  CHECK(worst <= (sizeof(T) == 4 ? 0.6 : 1.0));
}

TEST_CASE("a value does not depend on its place, the layout or the number of threads", "[scalar]") {
  const std::vector<float> x = arguments<float>(70000);
  const int n = static_cast<int>(x.size());
  for (const Case& c : cases) {
    const Tensor whole = c.function(constant(x));
    for (int at : {0, 1, 2, 7, 15, 16, 17, 31, n - 1}) {
      const Tensor alone = c.function(constant(std::vector<float>{x[static_cast<std::size_t>(at)]}));
      INFO(c.name << " of " << x[static_cast<std::size_t>(at)]);
      CHECK(
          std::bit_cast<std::uint32_t>(alone.span<float>()[0]) ==
          std::bit_cast<std::uint32_t>(whole.span<float>()[static_cast<std::size_t>(at)]));
    }
  }
}

TEST_CASE("the sign of a zero is 0, as NumPy's", "[scalar]") {
  for (DType d : {float32, float64})
    for (int n : {1, 3, 1000}) {
      const Tensor y = sign(full({n}, -0.0, {.dtype = d}));
      for (const double v : y.to_vector<double>()) CHECK((v == 0 && !std::signbit(v)));
    }
  CHECK(std::isnan(sign(constant(NAN)).item<float>()));
  CHECK(sign(constant({-3, 0, 5})).to_vector<int>() == std::vector{-1, 0, 1});
}
