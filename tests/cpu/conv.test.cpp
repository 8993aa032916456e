// Convolutions and their gradients against naive loops.
#include <cmath>
#include <cstring>
#include <random>

#include "catch.h"
#include "core/dispatch.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/nn.h"

using namespace keen;
using std::int64_t;

namespace {

struct Geometry {
  int64_t n, h, w, c, kh, kw, out;
  int64_t sy = 1, sx = 1, top = 0, bottom = 0, left = 0, right = 0, dy = 1, dx = 1, groups = 1;
  int64_t oh() const { return (h + top + bottom - (kh - 1) * dy - 1) / sy + 1; }
  int64_t ow() const { return (w + left + right - (kw - 1) * dx - 1) / sx + 1; }
};

template <class T>
Tensor numbers(const Shape& shape) {
  static std::mt19937 random(1);
  std::vector<T> values(static_cast<std::size_t>(shape.num_elements()));
  for (T& v : values) v = static_cast<T>(random()) * static_cast<T>(0x1p-32) - static_cast<T>(0.5);
  return constant(values, shape);
}

/// Calls f(index in x, in filters, in y) for every product of the convolution.
template <class F>
void for_products(const Geometry& g, F&& f) {
  const int64_t channels = g.c / g.groups, outs = g.out / g.groups;
  for (int64_t i = 0; i < g.n; ++i)
    for (int64_t oy = 0; oy < g.oh(); ++oy)
      for (int64_t ox = 0; ox < g.ow(); ++ox)
        for (int64_t ky = 0; ky < g.kh; ++ky)
          for (int64_t kx = 0; kx < g.kw; ++kx) {
            const int64_t y = oy * g.sy - g.top + ky * g.dy, x = ox * g.sx - g.left + kx * g.dx;
            if (y < 0 || y >= g.h || x < 0 || x >= g.w) continue;
            for (int64_t o = 0; o < g.out; ++o)
              for (int64_t c = 0; c < channels; ++c)
                f(((i * g.h + y) * g.w + x) * g.c + o / outs * channels + c,
                  ((ky * g.kw + kx) * channels + c) * g.out + o, ((i * g.oh() + oy) * g.ow() + ox) * g.out + o);
          }
}

template <class T>
void compare(const Tensor& got, const std::vector<double>& wanted) {
  REQUIRE(got.size() == static_cast<int64_t>(wanted.size()));
  double largest = 1, error = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    largest = std::max(largest, std::fabs(wanted[i]));
    error = std::max(error, std::fabs(wanted[i] - static_cast<double>(got.data<T>()[i])));
  }
  CHECK(error <= largest * (sizeof(T) == 4 ? 3e-6 : 3e-14));
}

/// The three directions of one convolution.
struct Calls {
  Geometry g;
  Tensor operator()(const char* name, const Tensor& a, const Tensor& b, const Shape& shape) const {
    using detail::Attribute;
    const Shape strides{g.sy, g.sx}, padding{g.top, g.bottom, g.left, g.right}, dilation{g.dy, g.dx};
    const detail::Op& op = *detail::find_op(name);
    if (op.attributes.size() == 4) return detail::run(op, {strides, padding, dilation, g.groups}, a, b);
    return detail::run(op, {strides, padding, dilation, g.groups, shape}, a, b);
  }
};

template <class T>
struct Case {
  Geometry g;
  Shape x_shape{g.n, g.h, g.w, g.c}, filter_shape{g.kh, g.kw, g.c / g.groups, g.out},
      y_shape{g.n, g.oh(), g.ow(), g.out};
  Tensor x = numbers<T>(x_shape), filters = numbers<T>(filter_shape), dy = numbers<T>(y_shape);
  Calls call{g};

  Tensor forward() const { return call("conv2d", x, filters, y_shape); }
  Tensor to_input() const { return call("conv2d_input_gradient", filters, dy, x_shape); }
  Tensor to_filters() const { return call("conv2d_filter_gradient", x, dy, filter_shape); }

  void check() const {
    INFO(
        name(x.dtype()) << " " << x_shape << " * " << filter_shape << " stride " << g.sy << g.sx << " padding " << g.top
                        << g.bottom << g.left << g.right << " dilation " << g.dy << g.dx << " groups " << g.groups);
    std::vector<double> y(static_cast<std::size_t>(dy.size())), gx(static_cast<std::size_t>(x.size())),
        gf(static_cast<std::size_t>(filters.size()));
    const T *px = x.data<T>(), *pf = filters.data<T>(), *pd = dy.data<T>();
    for_products(g, [&](int64_t ix, int64_t f, int64_t iy) {
      y[static_cast<std::size_t>(iy)] += double(px[ix]) * double(pf[f]);
      gx[static_cast<std::size_t>(ix)] += double(pd[iy]) * double(pf[f]);
      gf[static_cast<std::size_t>(f)] += double(pd[iy]) * double(px[ix]);
    });
    compare<T>(forward(), y);
    compare<T>(to_input(), gx);
    compare<T>(to_filters(), gf);
  }
};

const std::vector<Geometry> geometries{
    {.n = 2, .h = 5, .w = 5, .c = 1, .kh = 3, .kw = 3, .out = 2, .top = 1, .bottom = 0},
    {.n = 64, .h = 28, .w = 28, .c = 1, .kh = 5, .kw = 5, .out = 6, .top = 2, .bottom = 2, .left = 2, .right = 2},
    {.n = 64, .h = 14, .w = 14, .c = 6, .kh = 5, .kw = 5, .out = 16},
    {.n = 3, .h = 9, .w = 8, .c = 4, .kh = 3, .kw = 2, .out = 6, .sy = 2, .top = 1, .right = 1, .groups = 2},
    {.n = 2,
     .h = 11,
     .w = 10,
     .c = 6,
     .kh = 3,
     .kw = 3,
     .out = 6,
     .sx = 2,
     .top = 2,
     .bottom = 2,
     .left = 2,
     .right = 2,
     .dy = 2,
     .dx = 2,
     .groups = 6},
    {.n = 1, .h = 7, .w = 7, .c = 3, .kh = 1, .kw = 1, .out = 5},
    {.n = 5, .h = 6, .w = 7, .c = 16, .kh = 3, .kw = 3, .out = 32, .top = 1, .bottom = 1, .left = 1, .right = 1},
    {.n = 1, .h = 40, .w = 40, .c = 16, .kh = 3, .kw = 3, .out = 32, .top = 1, .bottom = 1, .left = 1, .right = 1},
    {.n = 2,
     .h = 33,
     .w = 31,
     .c = 3,
     .kh = 7,
     .kw = 7,
     .out = 8,
     .sy = 2,
     .sx = 2,
     .top = 3,
     .bottom = 3,
     .left = 3,
     .right = 3},
    {.n = 4,
     .h = 8,
     .w = 8,
     .c = 32,
     .kh = 3,
     .kw = 3,
     .out = 32,
     .top = 1,
     .bottom = 1,
     .left = 1,
     .right = 1,
     .groups = 32},
    {.n = 7, .h = 5, .w = 4, .c = 2, .kh = 2, .kw = 3, .out = 3, .sy = 3, .sx = 3},
    {.n = 2, .h = 3, .w = 3, .c = 2, .kh = 3, .kw = 3, .out = 3, .top = 5, .bottom = 4, .left = 1, .right = 2},
    {.n = 33,
     .h = 6,
     .w = 6,
     .c = 8,
     .kh = 3,
     .kw = 3,
     .out = 8,
     .top = 1,
     .bottom = 1,
     .left = 1,
     .right = 1,
     .groups = 4},
    {.n = 2, .h = 12, .w = 12, .c = 3, .kh = 2, .kw = 2, .out = 4, .dy = 3, .dx = 2},
    {.n = 1, .h = 9, .w = 70, .c = 2, .kh = 3, .kw = 3, .out = 7, .top = 1, .bottom = 1},
};

}  // namespace

TEMPLATE_TEST_CASE("conv2d and its gradients agree with naive loops", "[conv]", float, double) {
  for (const Geometry& g : geometries) Case<TestType>{g}.check();
}

TEMPLATE_TEST_CASE("convolutions have the same bits with 1, 2 and 4 threads", "[conv]", float, double) {
  const int before = num_threads();
  for (const Geometry& g : geometries) {
    const Case<TestType> one{g};
    std::vector<std::vector<Tensor>> results;
    for (int threads : {1, 2, 4}) {
      set_num_threads(threads);
      results.push_back({one.forward(), one.to_input(), one.to_filters()});
    }
    for (std::size_t i : {0, 1, 2})
      for (std::size_t t : {1, 2})
        CHECK(std::memcmp(results[0][i].data<TestType>(), results[t][i].data<TestType>(), results[0][i].nbytes()) == 0);
  }
  set_num_threads(before);
}

TEST_CASE("a NaN in an image touches only the windows that see it", "[conv]") {
  std::vector<float> values(2 * 8 * 8, 1.f);
  values[8 * 3 + 7] = std::nanf("");  // first image, row 3, last column
  const Tensor y = conv2d(constant(values, {2, 8, 8, 1}), ones({3, 3, 1, 2}));
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t image = i / 72, oy = i / 12 % 6, ox = i / 2 % 6;
    CHECK(std::isnan(y.data<float>()[i]) == (image == 0 && ox == 5 && oy >= 1 && oy <= 3));
  }
  const Tensor df = detail::run(
      *detail::find_op("conv2d_filter_gradient"),
      {Shape{1, 1}, Shape{0, 0, 0, 0}, Shape{1, 1}, int64_t{1}, Shape{3, 3, 1, 2}}, constant(values, {2, 8, 8, 1}),
      ones({2, 6, 6, 2}));
  for (int64_t i = 0; i < df.size(); ++i) CHECK(std::isnan(df.data<float>()[i]) == (i / 2 % 3 == 2));
}

TEST_CASE("conv2d of no images, and gradients to which none contributes", "[conv]") {
  CHECK(conv2d(zeros({0, 5, 5, 2}), ones({3, 3, 2, 4})).shape() == Shape{0, 3, 3, 4});
  const Tensor df = detail::run(
      *detail::find_op("conv2d_filter_gradient"),
      {Shape{1, 1}, Shape{0, 0, 0, 0}, Shape{1, 1}, int64_t{1}, Shape{3, 3, 2, 4}}, zeros({0, 5, 5, 2}),
      zeros({0, 3, 3, 4}));
  CHECK(df.to_vector<float>() == std::vector<float>(72, 0.f));
}
