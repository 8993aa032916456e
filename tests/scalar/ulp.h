// Errors in units in the last place, and arguments that find them.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace keen::test {

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// The distance between neighbouring numbers of type T at x.
template <class T>
long double ulp_at(long double x) {
  constexpr int digits = std::numeric_limits<T>::digits, least = std::numeric_limits<T>::min_exponent;
  int exponent;
  std::frexp(x, &exponent);
  return std::ldexp(1.0L, std::max(exponent, least) - digits);
}

/// |got − exact| in units in the last place of T; infinite where one is NaN or infinite and the other is not the same.
template <class T>
double ulp_error(T got, long double exact) {
  const T rounded = static_cast<T>(exact);
  if (std::isnan(rounded) || std::isnan(got)) return std::isnan(rounded) == std::isnan(got) ? 0.0 : INFINITY;
  if (std::isinf(rounded) || std::isinf(got)) return rounded == got ? 0.0 : INFINITY;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / ulp_at<T>(exact));
}

/// Half of them any bit patterns, the others spread over ranges where functions turn; then the special values.
template <class T>
std::vector<T> arguments(int count) {
  std::mt19937_64 random(20250607);
  std::vector<T> x;
  for (int i = 0; i < count; ++i) {
    if (i % 2 == 0) {
      x.push_back(std::bit_cast<T>(static_cast<BitsOf<T>>(random())));
    } else {
      constexpr double spans[] = {1, 3, 10, 100, 1000, 100000};
      const double unit = static_cast<double>(random() >> 11) * 0x1p-52 - 1.0;
      x.push_back(static_cast<T>(unit * spans[i / 2 % 6]));
    }
  }
  using Limits = std::numeric_limits<T>;
  for (T v :
       {T(0), T(0.5), T(1), T(2), T(10), Limits::min(), Limits::denorm_min(), Limits::max(), Limits::epsilon(),
        Limits::infinity(), Limits::quiet_NaN()}) {
    x.push_back(v);
    x.push_back(-v);
  }
  return x;
}

}  // namespace keen::test
