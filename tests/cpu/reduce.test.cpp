// Reductions against naive loops, over all dtypes, axes and layouts.
#include "keen/ops/reduce.h"

#include <algorithm>
#include <cmath>

#include "catch.h"
#include "keen/device.h"
#include "keen/ops/indexing.h"
#include "layouts.h"

using namespace keen;
using namespace keen::test;

namespace {

/// For each result, the elements that meet there, in row-major order.
template <class T>
std::vector<std::vector<T>> groups(const Strided<T>& x, const Shape& axes) {
  const Shape& shape = x.tensor.shape();
  auto reduced = [&](int i) { return std::find(axes.begin(), axes.end(), i) != axes.end(); };
  std::int64_t results = 1;
  for (int i = 0; i < shape.rank(); ++i) results *= reduced(i) ? 1 : shape[i];
  std::vector<std::vector<T>> out(static_cast<std::size_t>(results));
  for (std::int64_t e = 0, n = shape.num_elements(); e < n; ++e) {
    std::int64_t rest = e, result = 0, step = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      if (!reduced(i)) {
        result += rest % shape[i] * step;
        step *= shape[i];
      }
      rest /= shape[i];
    }
    out[static_cast<std::size_t>(result)].push_back(x.at(e));
  }
  return out;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

template <class T>
T best_of(const std::vector<T>& group, bool largest) {
  T best = group[0];
  for (T v : group)
    if (best == best && (v != v || (largest ? v > best : v < best))) best = v;
  return best;
}

template <class T>
void check_sums(const std::vector<std::vector<T>>& expected, const Tensor& sums, const Tensor& products) {
  auto s = sums.to_vector<double>(), p = products.to_vector<double>();
  bool good = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double total = 0, magnitude = 0, product = 1;
    for (T v : expected[i]) total += v, magnitude += std::abs(static_cast<double>(v)), product *= v;
    const double error = std::is_same_v<T, float> ? 1e-6 : 1e-14;
    good &= same(s[i], total) || std::abs(s[i] - total) <= error * magnitude;
    const bool wraps = std::is_integral_v<T> && std::abs(product) > 1e15;
    const double slack = error * static_cast<double>(expected[i].size()) * std::abs(product) + 1e-38;
    good &= wraps || same(p[i], product) || std::abs(p[i] - product) <= slack;
  }
  CHECK(good);
}

template <class T>
void check_all(std::mt19937& random, std::int64_t longest) {
  const int rank = static_cast<int>(random() % 5);
  const auto x = random_layout<T>(random, rank, longest);
  Shape axes;
  for (int i = 0; i < rank; ++i)
    if (random() % 2) axes.push_back(i);
  INFO(name(x.tensor.dtype()) << x.tensor.shape() << " strides " << x.tensor.strides() << " axes " << axes);
  const auto expected = groups(x, axes);
  check_sums(expected, sum(x.tensor, axes), prod(x.tensor, axes));
  auto large = max(x.tensor, axes).template to_vector<double>(),
       small = min(x.tensor, axes).template to_vector<double>();
  auto some = any(x.tensor, axes).template to_vector<bool>(), every = all(x.tensor, axes).template to_vector<bool>();
  bool extrema = true, logical = true, places = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    auto is_true = [](T v) { return v != 0; };
    extrema &= same(large[i], static_cast<double>(best_of(expected[i], true)));
    extrema &= same(small[i], static_cast<double>(best_of(expected[i], false)));
    logical &= some[i] == std::any_of(expected[i].begin(), expected[i].end(), is_true);
    logical &= every[i] == std::all_of(expected[i].begin(), expected[i].end(), is_true);
  }
  for (int axis = 0; axis < rank; ++axis) {
    const auto along = groups(x, Shape{axis});
    auto first_max = argmax(x.tensor, axis).template to_vector<std::int64_t>();
    auto first_min = argmin(x.tensor, axis).template to_vector<std::int64_t>();
    for (std::size_t i = 0; i < along.size(); ++i) {
      auto place = [&](T best) {
        return std::find_if(
                   along[i].begin(), along[i].end(), [&](T v) { return v == best || (v != v && best != best); }) -
               along[i].begin();
      };
      places &= first_max[i] == place(best_of(along[i], true)) && first_min[i] == place(best_of(along[i], false));
    }
  }
  CHECK(extrema);
  CHECK(logical);
  CHECK(places);
}

std::vector<float> uniform_numbers(std::size_t n) {
  std::mt19937 random(7);
  std::vector<float> out(n);
  for (float& v : out) v = static_cast<float>(random() * 0x1p-32);
  return out;
}

}  // namespace

TEST_CASE("reductions of every dtype and layout equal naive loops", "[reduce]") {
  std::mt19937 random(1);
  for (int i = 0; i < 40; ++i) {
    const std::int64_t longest = i % 8 == 0 ? 3000 : 12;
    check_all<float>(random, longest);
    check_all<double>(random, longest);
    check_all<std::int8_t>(random, longest);
    check_all<std::int16_t>(random, longest);
    check_all<std::int32_t>(random, longest);
    check_all<std::int64_t>(random, longest);
    check_all<std::uint8_t>(random, longest);
    check_all<std::uint16_t>(random, longest);
    check_all<std::uint32_t>(random, longest);
    check_all<std::uint64_t>(random, longest);
  }
}

TEST_CASE("empty reductions give the identity", "[reduce]") {
  const Tensor x = zeros({3, 0});
  CHECK(sum(x, 1).to_vector<float>() == std::vector<float>{0, 0, 0});
  CHECK(prod(x, 1).to_vector<float>() == std::vector<float>{1, 1, 1});
  CHECK(any(x, 1).to_vector<int>() == std::vector<int>{0, 0, 0});
  CHECK(all(x, 1).to_vector<int>() == std::vector<int>{1, 1, 1});
  CHECK(sum(x, 0).shape() == Shape{0});
  CHECK_THROWS_AS(max(x, 1), ShapeError);
}

TEST_CASE("integer sums and products wrap", "[reduce]") {
  const std::vector<std::int64_t> x = {INT64_MAX, 1, 2};
  CHECK(sum(constant(x)).item<std::int64_t>() == INT64_MIN + 2);
  CHECK(prod(constant(x)).item<std::int64_t>() == -2);
  CHECK(sum(constant(std::vector<std::int8_t>(1000, 127))).item<std::int64_t>() == 127'000);
}

TEST_CASE("float32 sums are as accurate as pairwise summation", "[reduce]") {
  const auto values = uniform_numbers(3'000'017);
  double exact = 0;
  for (float v : values) exact += v;
  CHECK(std::abs(sum(constant(values)).item<float>() / exact - 1) < 2e-7);
  const Tensor table = constant(values)(slice(3'000'000)).reshape({300'000, 10});
  const auto columns = sum(table, 0).to_vector<float>();
  for (std::size_t j = 0; j < 10; ++j) {
    double column = 0;
    for (std::size_t i = j; i < 3'000'000; i += 10) column += values[i];
    CHECK(std::abs(columns[j] / column - 1) < 2e-7);
  }
}

TEST_CASE("reductions do not depend on the number of threads", "[reduce]") {
  const int before = num_threads();
  const Tensor x = constant(uniform_numbers(1'200'000)), table = x.reshape({400, 3000}),
               cube = x.reshape({30, 400, 100});
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    std::vector<float> all;
    for (const Tensor& r :
         {sum(x), sum(table, 0), sum(table, 1), sum(table.transpose()), sum(cube, {0, 2}), prod(cube, 1)})
      for (float v : r.to_vector<float>()) all.push_back(v);
    results.push_back(all);
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
