// Convolutions and pooling of images whose batch, height and width the trace does not know.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

Tensor numbers(const Shape& shape, float phase) {
  const auto n = shape.num_elements();
  return reshape(sin(Tensor(range(n, {.dtype = float32})) * 1.3f + phase), shape);
}

using Body = Tensor (*)(const Tensor& x, const Tensor& filters);

/// The value, and the gradients of its squares to first order and, in x, of these to second order.
std::vector<Tensor> with_gradients(Body body, const Tensor& x, const Tensor& filters) {
  GradientTape outer;
  outer.watch(x);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  tape.watch(filters);
  const Tensor y = body(x, filters), loss = sum(square(y));
  const Tensor dx = tape.gradient(loss, x);
  const Tensor df = tape.gradient(loss, filters, {.unconnected = Unconnected::zero});
  return {y, dx, df, outer.gradient(sum(square(dx)), x, {.unconnected = Unconnected::zero})};
}

void check(Body body, const Shape& spec) {
  auto f = function(
      [&](const Tensor& x, const Tensor& filters) { return with_gradients(body, x, filters); },
      {.input_signature = {TensorSpec(spec), TensorSpec({3, 2, 2, 4})}});
  for (Shape shape : {Shape{2, 6, 8, 2}, Shape{1, 7, 5, 2}, Shape{3, 4, 9, 2}}) {
    for (int i = 0; i < 4; ++i)
      if (spec[i] >= 0) shape[i] = spec[i];
    INFO("images " << shape << " as " << spec);
    const Tensor x = numbers(shape, .2f), filters = numbers({3, 2, 2, 4}, .7f);
    const auto wanted = with_gradients(body, x, filters), found = f(x, filters);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      CHECK(found[i].shape() == wanted[i].shape());
      CHECK(allclose(found[i], wanted[i], 1e-4, 1e-4));
    }
  }
  CHECK(f.trace_count() == 1);
}

void check_everywhere(Body body) {
  for (const Shape& spec : {Shape{unknown, 6, 8, 2}, Shape{2, unknown, 8, 2}, Shape{unknown, unknown, unknown, 2}})
    check(body, spec);
}

}  // namespace

TEST_CASE("convolutions of images of open sizes give what eager code gives", "[function][sizes]") {
  check_everywhere([](const Tensor& x, const Tensor& f) { return conv2d(x, f); });
  check_everywhere([](const Tensor& x, const Tensor& f) { return conv2d(x, f, {.strides = {2, 2}}); });
  check_everywhere([](const Tensor& x, const Tensor& f) { return conv2d(x, f, {.padding = "same"}); });
  check_everywhere([](const Tensor& x, const Tensor& f) {
    return conv2d(x, f, {.strides = {2, 2}, .padding = "same"});
  });
  check_everywhere([](const Tensor& x, const Tensor& f) {
    return conv2d(x, f, {.padding = "same", .dilation = {2, 3}});
  });
}

TEST_CASE("pooling of images of open sizes gives what eager code gives", "[function][sizes]") {
  check_everywhere([](const Tensor& x, const Tensor&) { return max_pool2d(x); });
  check_everywhere([](const Tensor& x, const Tensor&) { return avg_pool2d(x); });
  check_everywhere([](const Tensor& x, const Tensor&) { return max_pool2d(x, {.window = {3, 2}, .strides = 1}); });
  check_everywhere([](const Tensor& x, const Tensor&) { return max_pool2d(x, {.window = {3, 3}, .padding = "same"}); });
  check_everywhere([](const Tensor& x, const Tensor&) {
    return avg_pool2d(x, {.window = {3, 3}, .strides = {2, 1}, .padding = "same"});
  });
}

TEST_CASE("a residual block of open images adds what it keeps the size of", "[function][sizes]") {
  check_everywhere([](const Tensor& x, const Tensor& f) {
    const Tensor y = relu(conv2d(x, f, {.padding = "same"}));
    return max_pool2d(x, {.strides = 1, .padding = "same"}) + sum(y, -1, true);
  });
}

TEST_CASE("an image smaller than the window is an error of the call that names the line", "[function][sizes]") {
  const unsigned line = __LINE__ + 2;
  auto f = function(
      [](const Tensor& x, const Tensor& w) { return conv2d(x, w); },
      {.input_signature = {TensorSpec({1, unknown, 5, 2}), TensorSpec({3, 2, 2, 4})}});
  CHECK(f(ones({1, 3, 5, 2}), ones({3, 2, 2, 4})).shape() == Shape{1, 1, 4, 4});
  CHECK_THROWS_AS(f(ones({1, 2, 5, 2}), ones({3, 2, 2, 4})), ShapeError);
  CHECK_THROWS_WITH(
      f(ones({1, 2, 5, 2}), ones({3, 2, 2, 4})), Catch::Contains("[conv2d] a window of 3 does not fit into 2") &&
                                                     Catch::Contains("open_images.test.cpp:" + std::to_string(line)));
}
