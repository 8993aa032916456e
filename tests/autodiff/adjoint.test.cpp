// Linear operations and their adjoints: <L x, y> = <x, L* y>, exactly, on small whole numbers.
#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "ops/helpers.h"
#include "support/inputs.h"

using namespace keen;
using keen::detail::find_op;
using keen::detail::run;

namespace {

using Map = std::function<Tensor(const Tensor&)>;

Tensor whole(const Shape& shape, std::uint64_t seed) { return keen::test::drawn(float64, shape, "coarse", seed) * 16; }
double inner(const Tensor& a, const Tensor& b) { return sum(a * b).item<double>(); }

void check_adjoint(const Map& map, const Map& adjoint, const Shape& from) {
  Tensor x = whole(from, 1), image = map(x), y = whole(image.shape(), 2), back = adjoint(y);
  REQUIRE(back.shape() == from);
  CHECK(inner(image, y) == inner(x, back));
}

// The adjoint that the tape gives must be the same one.
Map by_tape(const Map& map, const Shape& from) {
  return [=](const Tensor& y) {
    Tensor x = whole(from, 3);
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(map(x), x, {.output_gradients = {y}});
  };
}

struct Geometry {
  Shape strides, padding, dilation;
  std::int64_t groups;
  Shape x, filters;
};
const Geometry geometries[] = {
    {{1, 1}, {0, 0, 0, 0}, {1, 1}, 1, {2, 5, 4, 3}, {3, 2, 3, 4}},
    {{2, 3}, {1, 1, 0, 1}, {1, 1}, 2, {1, 7, 8, 4}, {3, 3, 2, 6}},
    {{1, 2}, {2, 1, 1, 2}, {2, 1}, 1, {2, 6, 5, 1}, {2, 3, 1, 2}},
    {{2, 2}, {0, 0, 0, 0}, {1, 1}, 3, {1, 6, 6, 3}, {2, 2, 1, 3}}};  // the last row and column unseen

}  // namespace

TEST_CASE("conv2d_input_gradient is the adjoint of conv2d in the images", "[adjoint]") {
  for (auto& g : geometries) {
    Tensor f = whole(g.filters, 4);
    Map conv = [&](const Tensor& x) {
      return run(*find_op("conv2d"), {g.strides, g.padding, g.dilation, g.groups}, x, f);
    };
    check_adjoint(
        conv,
        [&](const Tensor& y) {
          return run(*find_op("conv2d_input_gradient"), {g.strides, g.padding, g.dilation, g.groups, g.x}, f, y);
        },
        g.x);
    check_adjoint(conv, by_tape(conv, g.x), g.x);
  }
}

TEST_CASE("conv2d_filter_gradient is the adjoint of conv2d in the filters", "[adjoint]") {
  for (auto& g : geometries) {
    Tensor x = whole(g.x, 4);
    Map conv = [&](const Tensor& f) {
      return run(*find_op("conv2d"), {g.strides, g.padding, g.dilation, g.groups}, x, f);
    };
    check_adjoint(
        conv,
        [&](const Tensor& y) {
          return run(*find_op("conv2d_filter_gradient"), {g.strides, g.padding, g.dilation, g.groups, g.filters}, x, y);
        },
        g.filters);
    check_adjoint(conv, by_tape(conv, g.filters), g.filters);
  }
}

TEST_CASE("max_pool2d_gradient is the adjoint of max_pool2d_second, ties included", "[adjoint]") {
  Shape window{3, 2}, strides{2, 1}, padding{1, 0, 0, 1}, shape{2, 6, 5, 3};
  for (Tensor x : {whole(shape, 4), zeros(shape, {.dtype = float64})})
    check_adjoint(
        [&](const Tensor& v) {
          return run(*find_op("max_pool2d_second"), {window, strides, padding}, x, v);
        },
        [&](const Tensor& y) {
          return run(*find_op("max_pool2d_gradient"), {window, strides, padding}, x, y);
        },
        shape);
}

TEST_CASE("avg_pool2d_gradient is the adjoint of avg_pool2d", "[adjoint]") {
  Shape window{2, 4}, strides{2, 4}, shape{2, 6, 8, 3}, padding{0, 0, 0, 0};  // windows of 8: halving is exact
  check_adjoint(
      [&](const Tensor& x) {
        return run(*find_op("avg_pool2d"), {window, strides, padding}, x);
      },
      [&](const Tensor& y) {
        return run(*find_op("avg_pool2d_gradient"), {window, strides, padding, shape}, y);
      },
      shape);
  Shape padded{1, 1, 0, 0};  // windows of 4 and of 8 elements
  check_adjoint(
      [&](const Tensor& x) {
        return run(*find_op("avg_pool2d"), {window, strides, padded}, x);
      },
      [&](const Tensor& y) {
        return run(*find_op("avg_pool2d_gradient"), {window, strides, padded, shape}, y);
      },
      shape);
}

TEST_CASE("put_along_axis is the adjoint of take_along_axis, and scatter of gather", "[adjoint]") {
  Tensor at = constant({{0, 2, 2}, {1, -1, 1}});
  check_adjoint(
      [&](const Tensor& x) { return take_along_axis(x, at, 1); },
      [&](const Tensor& y) {
        return run(*find_op("put_along_axis"), {std::int64_t{1}, Shape{2, 4}}, at, y);
      },
      {2, 4});
  Tensor rows = constant({3, 0, 0, -1, 2});
  check_adjoint(
      [&](const Tensor& x) { return gather(x, rows); },
      [&](const Tensor& y) {
        return scatter(rows, y, {4, 3});
      },
      {4, 3});
  Map gather_columns = [&](const Tensor& x) { return gather(x, at, 1); };
  check_adjoint(gather_columns, by_tape(gather_columns, {2, 4, 2}), {2, 4, 2});
}

TEST_CASE("slice_gradient is the adjoint of slice", "[adjoint]") {
  Shape start{4, 1}, size{3, 2}, step{-2, 3}, shape{5, 6};
  check_adjoint(
      [&](const Tensor& x) {
        return run(*find_op("slice"), {start, size, step}, x);
      },
      [&](const Tensor& y) {
        return run(*find_op("slice_gradient"), {start, step, shape}, y);
      },
      shape);
}

TEST_CASE("the tape gives the adjoints of views, reductions and products", "[adjoint]") {
  Tensor m = whole({4, 2}, 5);
  const std::pair<Map, Shape> maps[] = {
      {[](const Tensor& x) {
         return transpose(x, {2, 0, 1});
       },
       {2, 3, 4}},
      {[](const Tensor& x) {
         return sum(x, {0, 2}, true);
       },
       {2, 3, 4}},
      {[](const Tensor& x) {
         return broadcast_to(x, {2, 3, 4});
       },
       {3, 1}},
      {[](const Tensor& x) {
         return pad(x, {{1, 2}, {0, 3}});
       },
       {2, 3}},
      {[](const Tensor& x) {
         return tile(x, {2, 3});
       },
       {2, 3}},
      {[](const Tensor& x) {
         return concat({x, x}, 1);
       },
       {2, 3}},
      {[&](const Tensor& x) { return matmul(x, m); }, {3, 4}}};
  for (auto& [map, shape] : maps) check_adjoint(map, by_tape(map, shape), shape);
}
