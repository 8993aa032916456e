// Pooling and its gradients against naive loops, ties and NaN included.
#include <cmath>
#include <random>

#include "catch.h"
#include "core/dispatch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"

using namespace keen;
using std::int64_t;

namespace {

struct Geometry {
  int64_t n, h, w, kh, kw, sy, sx, top, bottom, left, right;
  int64_t oh() const { return (h + top + bottom - kh) / sy + 1; }
  int64_t ow() const { return (w + left + right - kw) / sx + 1; }
};

/// Quarters, so that maxima are shared and sums are exact; NaN here and there.
template <class T>
Tensor numbers(const Shape& shape, bool nans) {
  static std::mt19937 random(1);
  std::vector<T> values(static_cast<std::size_t>(shape.num_elements()));
  for (T& v : values)
    v = nans && random() % 7 == 0 ? static_cast<T>(NAN) : static_cast<T>(static_cast<int>(random() % 9) - 4) / 4;
  return constant(values, shape);
}

template <class T>
void compare(const Tensor& got, const std::vector<double>& wanted) {
  REQUIRE(got.size() == static_cast<int64_t>(wanted.size()));
  int64_t wrong = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double value = static_cast<double>(got.data<T>()[i]);
    wrong += std::isnan(value) != std::isnan(wanted[i]) || std::fabs(value - wanted[i]) > 1e-6;
  }
  CHECK(wrong == 0);
}

template <class T>
void check(const Geometry& g, int64_t channels, bool nans) {
  INFO(
      g.h << "x" << g.w << "x" << channels << " window " << g.kh << g.kw << " stride " << g.sy << g.sx << " padding "
          << g.top << g.bottom << g.left << g.right << " nans " << nans);
  const Shape x_shape{g.n, g.h, g.w, channels}, y_shape{g.n, g.oh(), g.ow(), channels};
  const Tensor x = numbers<T>(x_shape, nans), v = numbers<T>(x_shape, false), dy = numbers<T>(y_shape, false);
  const auto results = static_cast<std::size_t>(dy.size()), elements = static_cast<std::size_t>(x.size());
  std::vector<double> largest(results), mean(results), picked(results), max_gradient(elements), mean_gradient(elements);
  for (std::size_t r = 0; r < results; ++r) {
    const auto place = static_cast<int64_t>(r);
    const int64_t c = place % channels, ox = place / channels % g.ow(), oy = place / channels / g.ow() % g.oh();
    const int64_t image = place / channels / g.ow() / g.oh();
    std::vector<std::size_t> seen;
    for (int64_t ky = 0; ky < g.kh; ++ky)
      for (int64_t kx = 0; kx < g.kw; ++kx) {
        const int64_t iy = oy * g.sy - g.top + ky, ix = ox * g.sx - g.left + kx;
        if (iy >= 0 && iy < g.h && ix >= 0 && ix < g.w)
          seen.push_back(static_cast<std::size_t>(((image * g.h + iy) * g.w + ix) * channels + c));
      }
    const T *values = x.data<T>(), *gradient = dy.data<T>();
    std::size_t best = seen[0];
    for (std::size_t s : seen) {
      if (values[s] > values[best] || (std::isnan(values[s]) && !std::isnan(values[best]))) best = s;
      mean[r] += static_cast<double>(values[s]) / static_cast<double>(seen.size());
      mean_gradient[s] += static_cast<double>(gradient[r]) / static_cast<double>(seen.size());
    }
    largest[r] = static_cast<double>(values[best]);
    picked[r] = static_cast<double>(v.data<T>()[best]);
    max_gradient[best] += static_cast<double>(gradient[r]);
  }
  const Shape window{g.kh, g.kw}, strides{g.sy, g.sx}, padding{g.top, g.bottom, g.left, g.right};
  auto op = [](const char* name) -> const detail::Op& { return *detail::find_op(name); };
  compare<T>(detail::run(op("max_pool2d"), {window, strides, padding}, x), largest);
  compare<T>(detail::run(op("avg_pool2d"), {window, strides, padding}, x), mean);
  compare<T>(detail::run(op("max_pool2d_second"), {window, strides, padding}, x, v), picked);
  compare<T>(detail::run(op("max_pool2d_gradient"), {window, strides, padding}, x, dy), max_gradient);
  compare<T>(detail::run(op("avg_pool2d_gradient"), {window, strides, padding, x_shape}, dy), mean_gradient);
}

}  // namespace

TEMPLATE_TEST_CASE("pooling and its gradients agree with naive loops", "[pool]", float, double) {
  for (const Geometry& g :
       {Geometry{3, 8, 8, 2, 2, 2, 2, 0, 0, 0, 0},
        {2, 9, 7, 2, 2, 2, 2, 0, 0, 0, 0},
        {2, 7, 7, 3, 3, 2, 2, 1, 1, 1, 1},
        {2, 6, 6, 3, 2, 1, 1, 0, 0, 0, 0},
        {1, 5, 5, 2, 2, 3, 3, 0, 0, 0, 0},
        {2, 5, 5, 2, 2, 2, 2, 0, 1, 0, 1}})
    for (int64_t channels : {1, 3, 6, 16, 17, 33})
      for (bool nans : {false, true}) check<TestType>(g, channels, nans);
}

TEST_CASE("the gradient of max_pool2d goes to the first of equal maxima", "[pool]") {
  const Tensor dx = detail::run(
      *detail::find_op("max_pool2d_gradient"), {Shape{2, 2}, Shape{2, 2}, Shape{0, 0, 0, 0}}, ones({1, 4, 4, 1}),
      ones({1, 2, 2, 1}));
  CHECK(dx.to_vector<float>() == std::vector<float>{1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0});
}

TEST_CASE("pooling of no images is empty", "[pool]") {
  CHECK(max_pool2d(zeros({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
  CHECK(avg_pool2d(zeros({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
}

TEST_CASE("images without rows or columns give none", "[pool][conv]") {
  for (const Shape& shape : {Shape{2, 0, 4, 3}, {2, 4, 0, 3}}) {
    const Tensor x = zeros(shape);
    const int empty = shape[1] == 0 ? 1 : 2;
    CHECK(max_pool2d(x, {.padding = "same"}).dim(empty) == 0);
    CHECK(avg_pool2d(x, {.padding = "same"}).dim(empty) == 0);
    GradientTape tape;
    Tensor filters = ones({3, 3, 3, 5});
    tape.watch(filters);
    Tensor y = conv2d(x, filters, {.padding = "same"});
    CHECK(y.dim(empty) == 0);
    CHECK(allclose(tape.gradient(sum(y), filters), zeros({3, 3, 3, 5})));
  }
}
