// Matrix products against naive loops: shapes of every class, layouts, batches, dtypes, numbers of threads.
#include <algorithm>
#include <cstring>
#include <random>

#include "catch.h"
#include "core/tensor_impl.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/error.h"
#include "keen/ops/linalg.h"
#include "keen/ops/shape.h"

using namespace keen;
using std::int64_t;

namespace {

/// Numbers that add up exactly in float32 for the sums tested here.
template <class T>
Tensor numbers(const Shape& shape) {
  static std::mt19937 random(1);
  std::vector<T> values(static_cast<std::size_t>(shape.num_elements()));
  for (T& v : values) v = static_cast<T>(static_cast<int>(random() % 7) - (std::is_signed_v<T> ? 3 : 0));
  return constant(values, shape);
}

/// Elements of a tensor of any layout.
template <class T>
struct Reader {
  const detail::TensorImpl& x;
  explicit Reader(const Tensor& t) : x(detail::impl(t)) {}
  T at(const std::vector<int64_t>& batch, int64_t i, int64_t j) const {
    int64_t offset = i * x.strides[-2] + j * x.strides[-1];
    const int own = x.shape.rank() - 2, skipped = static_cast<int>(batch.size()) - own;
    for (int d = 0; d < own; ++d)
      if (x.shape[d] != 1) offset += batch[static_cast<std::size_t>(d + skipped)] * x.strides[d];
    return x.as<T>()[offset];
  }
};

template <class T>
void check_product(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  INFO(name(a.dtype()) << " " << a.shape() << a.strides() << " x " << b.shape() << b.strides() << " " << ta << tb);
  const Tensor y = matmul(a, b, {.transpose_a = ta, .transpose_b = tb});
  const int64_t m = a.shape()[ta ? -1 : -2], k = a.shape()[ta ? -2 : -1], n = b.shape()[tb ? -2 : -1];
  REQUIRE(y.shape()[-2] == m);
  REQUIRE(y.shape()[-1] == n);
  const Reader<T> left(a), right(b);
  const T* got = y.data<T>();
  std::vector<int64_t> batch(static_cast<std::size_t>(y.rank() - 2));
  int64_t wrong = 0;
  for (int64_t first = 0; first < y.size(); first += m * n) {
    int64_t rest = first / (m * n);
    for (int d = y.rank() - 3; d >= 0; --d) {
      batch[static_cast<std::size_t>(d)] = rest % y.shape()[d];
      rest /= y.shape()[d];
    }
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        int64_t sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += static_cast<int64_t>(ta ? left.at(batch, l, i) : left.at(batch, i, l)) *
                 static_cast<int64_t>(tb ? right.at(batch, j, l) : right.at(batch, l, j));
        wrong += got[first + i * n + j] != static_cast<T>(sum);
      }
    }
  }
  CHECK(wrong == 0);
}

Shape matrix(bool transposed, int64_t rows, int64_t columns, std::vector<int64_t> leading = {}) {
  Shape shape(leading);
  shape.push_back(transposed ? columns : rows);
  shape.push_back(transposed ? rows : columns);
  return shape;
}

Tensor swap_last(const Tensor& t) {
  Shape order;
  for (int i = 0; i < t.rank(); ++i) order.push_back(i);
  std::swap(order[-1], order[-2]);
  return transpose(t, order);
}

enum class Layout { dense, turned, stepped, repeated, reversed };

template <class T>
Tensor laid_out(Layout layout, const Shape& shape) {
  switch (layout) {
    case Layout::dense:
      return numbers<T>(shape);
    case Layout::turned:
      return swap_last(numbers<T>({shape[1], shape[0]}));
    case Layout::stepped: {
      const Tensor store = numbers<T>({2 * shape[0] + 1, 3 * shape[1] + 1});
      return detail::make_view(detail::impl(store), shape, {2 * store.strides()[0], 3}, 1);
    }
    case Layout::repeated:
      return detail::make_view(detail::impl(numbers<T>({shape[1] + 1})), shape, {0, 1}, 0);
    default: {
      const Tensor store = numbers<T>(shape);
      return detail::make_view(detail::impl(store), shape, {-shape[1], -1}, std::max<int64_t>(0, store.size() - 1));
    }
  }
}

struct Sizes {
  int64_t m, n, k;
};

}  // namespace

TEMPLATE_TEST_CASE(
    "matmul agrees with naive loops in every layout", "[matmul]", float, double, std::int8_t, std::uint16_t,
    std::int32_t, int64_t) {
  std::vector<Sizes> sizes{{1, 1, 1},    {1, 1, 7},    {2, 3, 4},     {1, 5, 9},  {5, 1, 9},    {1, 700, 33},
                           {700, 1, 33}, {17, 19, 23}, {33, 65, 129}, {16, 7, 1}, {1, 9, 3000}, {10, 12, 2500}};
  if (std::is_floating_point_v<TestType>)
    for (Sizes s : {Sizes{1, 1, 40000}, {130, 70, 300}, {200, 300, 40}, {70, 60, 800}, {1, 3000, 50}})
      sizes.push_back(s);
  for (const Sizes& s : sizes)
    for (bool ta : {false, true})
      for (bool tb : {false, true})
        for (Layout layout : {Layout::dense, Layout::turned, Layout::stepped, Layout::repeated, Layout::reversed})
          check_product<TestType>(
              laid_out<TestType>(layout, matrix(ta, s.m, s.k)), laid_out<TestType>(layout, matrix(tb, s.k, s.n)), ta,
              tb);
}

TEMPLATE_TEST_CASE("matmul broadcasts leading dimensions", "[matmul]", float, double, std::int32_t) {
  for (const Sizes& s : {Sizes{3, 4, 5}, {1, 1, 5}, {1, 6, 3}, {6, 1, 3}, {64, 40, 70}}) {
    for (bool ta : {false, true}) {
      for (bool tb : {false, true}) {
        auto check = [&](std::vector<int64_t> left, std::vector<int64_t> right) {
          check_product<TestType>(
              numbers<TestType>(matrix(ta, s.m, s.k, left)), numbers<TestType>(matrix(tb, s.k, s.n, right)), ta, tb);
        };
        check({4}, {4});
        check({4, 3}, {3});
        check({4, 1}, {1, 3});
        check({4, 3}, {});
        check({}, {2, 3});
        check({5}, {1});
        check({1, 4}, {1, 1});
        const Tensor store = numbers<TestType>(matrix(ta, s.m, s.k, {4, 3}));
        check_product<TestType>(transpose(store, {1, 0, 2, 3}), numbers<TestType>(matrix(tb, s.k, s.n)), ta, tb);
      }
    }
    const Tensor rows_apart = transpose(numbers<TestType>({s.m, 4, s.k}), {1, 0, 2});
    check_product<TestType>(rows_apart, numbers<TestType>({s.k, s.n}), false, false);
  }
}

TEST_CASE("matmul of empty operands is empty, or zeros where the sum is empty", "[matmul]") {
  CHECK(matmul(zeros({0, 3}), zeros({3, 2})).shape() == Shape{0, 2});
  CHECK(matmul(zeros({2, 3}), zeros({3, 0})).shape() == Shape{2, 0});
  CHECK(matmul(zeros({0, 2, 3}), zeros({3, 4})).shape() == Shape{0, 2, 4});
  CHECK(matmul(zeros({2, 0}), zeros({0, 3})).to_vector<float>() == std::vector<float>(6, 0.f));
  CHECK(
      matmul(zeros({5, 2, 0}, {.dtype = int32}), zeros({0, 3}, {.dtype = int32})).to_vector<int>() ==
      std::vector<int>(30, 0));
}

TEST_CASE("integer products wrap", "[matmul]") {
  const Tensor a = constant(std::vector<std::int8_t>(4, 100), {1, 4}),
               b = constant(std::vector<std::int8_t>(4, 100), {4, 1});
  CHECK(matmul(a, b).item<int>() == static_cast<std::int8_t>(40000));
}

TEST_CASE("NaN and infinity reach the products they belong to", "[matmul]") {
  for (int64_t n : {4, 40, 200}) {
    std::vector<float> values(static_cast<std::size_t>(n * n), 0.f);
    values[static_cast<std::size_t>(n + 2)] = std::nanf("");
    const Tensor y = matmul(constant(values, {n, n}), ones({n, n}));
    for (int64_t i = 0; i < n; ++i) CHECK(std::isnan(y.data<float>()[i * n]) == (i == 1));
  }
}

TEST_CASE("products have the same bits with 1, 2 and 4 threads", "[matmul]") {
  const int before = num_threads();
  std::mt19937 random(3);
  auto real = [&](const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(shape.num_elements()));
    for (float& v : values) v = static_cast<float>(random()) * 0x1p-32f - 0.5f;
    return constant(values, shape);
  };
  for (const Sizes& s :
       {Sizes{64, 64, 64},
        {300, 400, 200},
        {520, 1030, 700},
        {1, 1, 100000},
        {1, 900, 700},
        {900, 1, 700},
        {10, 20, 20000},
        {32, 256, 784}}) {
    const Tensor a = real({s.m, s.k}), b = real({s.k, s.n}), wide_a = a.cast(float64), wide_b = b.cast(float64);
    std::vector<Tensor> single, twice;
    for (int threads : {1, 2, 4}) {
      set_num_threads(threads);
      single.push_back(matmul(a, b));
      twice.push_back(matmul(wide_a, wide_b));
    }
    INFO(s.m << " " << s.n << " " << s.k);
    for (std::size_t i : {1, 2}) {
      CHECK(std::memcmp(single[0].data<float>(), single[i].data<float>(), single[0].nbytes()) == 0);
      CHECK(std::memcmp(twice[0].data<double>(), twice[i].data<double>(), twice[0].nbytes()) == 0);
    }
  }
  set_num_threads(before);
}
