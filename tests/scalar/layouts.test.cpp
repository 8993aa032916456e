// Elementwise work, casts and copies on every layout: each view is compared with elements picked by index arithmetic.
#include "catch.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"

using namespace keen;

namespace {

/// A view of (m, n) and what its elements must be.
struct View {
  std::string name;
  Tensor tensor;
  std::vector<double> elements;
};

double element(std::int64_t i) { return static_cast<double>((i * 7 + 3) % 101); }

/// `count` numbers, a tensor of them in a shape.
Tensor base(DType dtype, const Shape& shape) {
  std::vector<double> v(static_cast<std::size_t>(shape.num_elements()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = element(static_cast<std::int64_t>(i));
  return cast(constant(v, shape), dtype);
}

template <class Index>
View view(std::string name, Tensor tensor, std::int64_t m, std::int64_t n, Index index) {
  View v{std::move(name), std::move(tensor), {}};
  for (std::int64_t r = 0; r < m; ++r)
    for (std::int64_t c = 0; c < n; ++c) v.elements.push_back(element(index(r, c)));
  return v;
}

std::vector<View> views(DType d, std::int64_t m, std::int64_t n) {
  const Slice halves = slice({}, {}, 2), backwards = slice({}, {}, -1);
  return {
      view("plain", base(d, {m, n}), m, n, [=](auto r, auto c) { return r * n + c; }),
      view("transposed", base(d, {n, m}).transpose(), m, n, [=](auto r, auto c) { return c * m + r; }),
      view(
          "every second column", base(d, {m, 2 * n})(all_of, halves), m, n,
          [=](auto r, auto c) { return r * 2 * n + 2 * c; }),
      view("every second row", base(d, {2 * m, n})(halves), m, n, [=](auto r, auto c) { return 2 * r * n + c; }),
      view(
          "backwards", base(d, {m, n})(backwards, backwards), m, n,
          [=](auto r, auto c) { return (m - 1 - r) * n + n - 1 - c; }),
      view("a row", base(d, {n}), m, n, [](auto, auto c) { return c; }),
      view("a column", base(d, {m, 1}), m, n, [](auto r, auto) { return r; }),
      view("every second element of a row", base(d, {2 * n})(halves), m, n, [](auto, auto c) { return 2 * c; }),
      view("one element", base(d, {1, 1}), m, n, [](auto, auto) { return 0; }),
  };
}

/// Equal to the elements that f gives, as numbers of the result's dtype.
template <class F>
void check(const Tensor& got, std::size_t count, F f) {
  const std::vector<double> elements = got.to_vector<double>();
  REQUIRE(elements.size() == count);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) wrong += elements[i] != f(i);
  CHECK(wrong == 0);
}

const std::pair<std::int64_t, std::int64_t> sizes[] = {{1, 1},    {3, 5},    {17, 9},   {70, 130},
                                                       {3000, 7}, {5, 9000}, {300, 301}};

}  // namespace

TEST_CASE("binary operations take operands of any layout", "[scalar]") {
  for (DType d : {int8, int16, int32, int64, float32, float64}) {
    for (auto [m, n] : sizes) {
      const auto all_views = views(d, m, n);
      for (const View& a : all_views)
        for (const View& b : all_views) {
          if (a.elements.size() > 10000 && d != float32 && d != int8) continue;
          INFO(name(d) << " (" << m << ", " << n << "): " << a.name << " and " << b.name);
          const std::size_t count = a.tensor.size() < m * n && b.tensor.size() < m * n ? 0 : a.elements.size();
          if (count == 0) continue;  // neither operand has the whole shape
          check(maximum(a.tensor, b.tensor), count, [&](std::size_t i) {
            return std::max(a.elements[i], b.elements[i]);
          });
          check(less(a.tensor, b.tensor), count, [&](std::size_t i) { return a.elements[i] < b.elements[i]; });
        }
    }
  }
}

TEST_CASE("where takes operands of any layout", "[scalar]") {
  for (DType d : {int8, float32, float64}) {
    for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{3, 5}, {70, 130}, {600, 7}}) {
      const auto all_views = views(d, m, n);
      const auto conditions = views(bool_, m, n);
      for (const View& c : conditions)
        for (const View& a : all_views) {
          const View& b = all_views[1];
          INFO(name(d) << " (" << m << ", " << n << "): " << c.name << ", " << a.name);
          check(where(c.tensor, a.tensor, b.tensor), a.elements.size(), [&](std::size_t i) {
            return c.elements[i] != 0 ? a.elements[i] : b.elements[i];
          });
        }
    }
  }
}

TEST_CASE("casts and copies take any layout and dtype", "[scalar]") {
  for (int from = 0; from < dtype_count; ++from)
    for (int to = 0; to < dtype_count; ++to)
      for (const View& v : views(static_cast<DType>(from), 40, 37)) {
        if (v.tensor.size() != 40 * 37) continue;
        const bool truth = from == 0 || to == 0;
        INFO(name(static_cast<DType>(from)) << " to " << name(static_cast<DType>(to)) << ", " << v.name);
        const Tensor result = cast(v.tensor, static_cast<DType>(to));
        check(cast(result, float64), v.elements.size(), [&](std::size_t i) {
          return truth ? v.elements[i] != 0 : v.elements[i];
        });
      }
}

TEST_CASE("higher ranks are walked in order", "[scalar]") {
  const Tensor x = base(float32, {4, 5, 6, 7});
  const Tensor p = x.transpose({2, 0, 3, 1});  // (6, 4, 7, 5)
  const Tensor row = base(float32, {7, 1}), sum = p + row;
  std::vector<double> moved;
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 4; ++j)
      for (int k = 0; k < 7; ++k)
        for (int l = 0; l < 5; ++l) moved.push_back(element(((j * 5 + l) * 6 + i) * 7 + k));
  check(p.contiguous(), moved.size(), [&](std::size_t i) { return moved[i]; });
  check(sum, moved.size(), [&](std::size_t i) { return moved[i] + element(static_cast<std::int64_t>(i / 5 % 7)); });
}

TEST_CASE("casts of floats to integers saturate and NaN gives 0", "[scalar]") {
  const Tensor x = constant(std::vector<double>{3.9, -3.9, 300, -300, 1e30, -1e30, INFINITY, -INFINITY, NAN});
  CHECK(cast(x, int8).to_vector<int>() == std::vector<int>{3, -3, 127, -128, 127, -128, 127, -128, 0});
  CHECK(cast(x, uint8).to_vector<int>() == std::vector<int>{3, 0, 255, 0, 255, 0, 255, 0, 0});
  CHECK(cast(x, int64).to_vector<std::int64_t>()[4] == INT64_MAX);
  CHECK(cast(x, uint64).to_vector<std::uint64_t>()[4] == UINT64_MAX);
  CHECK(cast(x, bool_).to_vector<int>() == std::vector<int>(9, 1));
}

TEST_CASE("float16 and bfloat16 round to nearest even, once", "[scalar]") {
  const std::vector<double> x = {1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-40, 65519.99, 65520, 0x1p-25,
                                 0x1.8p-24,   1 + 0x1p-8 + 0x1p-40};
  CHECK(
      cast(cast(constant(x), float16), float64).to_vector<double>() ==
      std::vector<double>{1, 1 + 0x1p-10, 65504, INFINITY, 0, 0x1p-23, 1 + 0x1p-8});
  CHECK(cast(cast(constant(x), bfloat16), float64).to_vector<double>()[6] == 1 + 0x1p-7);
  CHECK(static_cast<float>(Half(0.1f)) == 0x1.998p-4f);
  CHECK(static_cast<float>(BFloat(0.1f)) == 0x1.9ap-4f);
}

TEST_CASE("integer arithmetic wraps and never traps", "[scalar]") {
  const std::vector<std::int32_t> a = {INT32_MIN, INT32_MIN, 7, -7, 7, 5, INT32_MAX},
                                  b = {-1, 0, -2, 2, 0, -5, INT32_MAX};
  using Ints = std::vector<std::int32_t>;
  const Tensor x = constant(a), y = constant(b);
  CHECK(floor_divide(x, y).to_vector<std::int32_t>() == Ints{INT32_MIN, 0, -4, -4, 0, -1, 1});
  CHECK(mod(x, y).to_vector<std::int32_t>() == Ints{0, 0, -1, 1, 0, 0, 0});
  CHECK(pow(x, y).to_vector<std::int32_t>() == Ints{0, 1, 0, 49, 1, 0, INT32_MAX});
  CHECK(multiply(x, x).to_vector<std::int32_t>() == Ints{0, 0, 49, 49, 49, 25, 1});
  CHECK(abs(x).to_vector<std::int32_t>() == Ints{INT32_MIN, INT32_MIN, 7, 7, 7, 5, INT32_MAX});
  const Tensor ones = constant(Ints{1, -1, -1, 2, 0}), powers = constant(Ints{-3, -3, -4, -1, -1});
  CHECK(pow(ones, powers).to_vector<std::int32_t>() == Ints{1, -1, 1, 0, 0});
}

TEST_CASE("floor division of floats follows Python", "[scalar]") {
  const std::vector<float> a = {7, -7, 7, -7, 1, -1, 0.3f, 1e30f, 5, -5, INFINITY, 0, -0.0f};
  const std::vector<float> b = {2, 2, -2, -2, INFINITY, INFINITY, 0.1f, 3, 0, 0, 2, 3, 3};
  const auto q = floor_divide(constant(a), constant(b)).to_vector<float>();
  const auto r = mod(constant(a), constant(b)).to_vector<float>();
  const std::vector<float> quotients = {3, -4, -4, 3, 0, -1, 3, 0, INFINITY, -INFINITY, NAN, 0, -0.0f};
  const std::vector<float> rests = {1,   1,   -1,  -1, 1, INFINITY, std::fmod(0.3f, 0.1f), std::fmod(1e30f, 3.0f),
                                    NAN, NAN, NAN, 0,  0};
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(a[i] << " by " << b[i] << " gives " << q[i] << " and " << r[i]);
    if (i != 7) CHECK((q[i] == quotients[i] || (std::isnan(q[i]) && std::isnan(quotients[i]))));
    CHECK((r[i] == rests[i] || (std::isnan(r[i]) && std::isnan(rests[i]))));
  }
}
