// Shapes of a trace that leaves sizes open: they are handed on and set, and give no number for a size that has none.
#include <sstream>

#include "catch.h"
#include "errors.h"
#include "keen/keen.h"

using namespace keen;
using test::error_of;

namespace {

const FunctionOptions open_rows{.input_signature = {TensorSpec({unknown, 3})}};

/// Compiled for any number of rows, f gives what it gives eagerly.
template <class F>
void check_agrees(const F& f) {
  auto compiled = function(f, open_rows);
  for (int n : {4, 1, 2}) {
    const Tensor x = random::normal({n, 3}, {.seed = 1});
    CHECK(array_equal(compiled(x), f(x)));
  }
  CHECK(compiled.trace_count() == 1);
}

template <class F>
void check_refuses(const F& read) {
  auto f = function(
      [&](const Tensor& x) {
        Shape shape = x.shape();
        read(shape);
        return x;
      },
      open_rows);
  const std::string message = error_of([&] { f(ones({2, 3})); });
  INFO(message);
  CHECK(message.find("open in this trace") != std::string::npos);
  CHECK(message.find("x.dim(") != std::string::npos);
  CHECK_THROWS_AS(f(ones({2, 3})), UsageError);
}

}  // namespace

TEST_CASE("a copy of an open shape serves wherever a shape is wanted", "[function][sizes]") {
  check_agrees([](const Tensor& x) {
    const Shape shape = x.shape();
    return reshape(x * 2, shape) + zeros(shape) + full(shape, 3.f) + broadcast_to(x[0], shape) + x.reshape(x.shape());
  });
  check_agrees([](const Tensor& x) {
    Shape shape = x.shape();
    shape.push_back(2);
    shape.insert(0, 1);
    const Tensor y = ones(shape);
    shape.erase(-1 + shape.rank());
    return sum(y, -1) + zeros(shape) + (shape == x.shape() ? 1.f : 2.f);
  });
}

TEST_CASE("an open shape may be set, and computed with", "[function][sizes]") {
  check_agrees([](const Tensor& x) {
    Shape flat = x.shape();
    flat[0] = -1;
    flat[1] = 1;
    return reshape(x, flat);
  });
  check_agrees([](const Tensor& x) {
    Shape twice = x.shape();
    const auto rows = twice[0];
    twice[0] *= 2;
    twice[1] += 1;
    std::swap(twice[0], twice[1]);
    return zeros(twice) + Tensor(rows);
  });
}

TEST_CASE("known sizes of an open shape are numbers, and open ones print as a question mark", "[function][sizes]") {
  check_agrees([](const Tensor& x) {
    Shape shape = x.shape();
    const Shape& same = shape;
    std::ostringstream text;
    text << shape;
    const bool is_open = text.str() == "(?, 3)";
    const std::int64_t columns = shape[1], last = same[-1];
    return x * static_cast<float>(columns * 10 + last) + (is_open || text.str().find('?') == std::string::npos ? 0 : 1);
  });
}

TEST_CASE("to read an open size from a shape is an error that names dim", "[function][sizes]") {
  check_refuses([](const Shape& shape) { return shape[0]; });
  check_refuses([](Shape& shape) { return static_cast<std::int64_t>(shape[0]) + 1; });
  check_refuses([](Shape& shape) { return shape[0] > 1; });
  check_refuses([](const Shape& shape) { return shape[-2] * 2; });
  check_refuses([](const Shape& shape) { return shape.num_elements(); });
  check_refuses([](const Shape& shape) { return shape.to_vector(); });
  check_refuses([](const Shape& shape) { return *shape.data(); });
  check_refuses([](const Shape& shape) {
    std::int64_t product = 1;
    for (std::int64_t dim : shape) product *= dim;
    return product;
  });
  check_refuses([](Shape& shape) {
    for (std::int64_t& dim : shape) dim += 1;
  });
}

TEST_CASE("a shape that the program writes keeps its negative numbers", "[function][sizes]") {
  Shape shape{-1, 2};
  CHECK(shape[0] == -1);
  CHECK(std::as_const(shape)[0] == -1);
  CHECK(shape.to_vector() == std::vector<std::int64_t>{-1, 2});
  shape[0] = 7;
  ++shape[1];
  CHECK(shape == Shape{7, 3});
  CHECK(shape.num_elements() == 21);
}
