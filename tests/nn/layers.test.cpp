// Layers: shapes, values, lazy building, and errors that say where.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;
using Catch::Contains;

TEST_CASE("Dense multiplies, adds its bias and activates", "[nn]") {
  nn::Dense dense(
      2, {.activation = relu,
          .kernel_initializer = initializers::constant(0.5),
          .bias_initializer = initializers::constant(-4)});
  CHECK_FALSE(dense.is_built());
  Tensor y = dense(constant({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}}));
  CHECK(y.to_vector<float>() == std::vector<float>{0, 0, 3.5, 3.5});
  CHECK(dense.kernel().shape() == Shape{3, 2});
  CHECK(nn::Dense(2, {.use_bias = false})(ones({5, 3, 4})).shape() == Shape{5, 3, 2});
}

TEST_CASE("activations are written as operations, callables or names", "[nn]") {
  const Tensor x = constant({{-1.f, 2.f}});
  auto with = [&](const nn::ActivationFunction& f) { return nn::Activation(f)(x).to_vector<float>(); };
  const std::vector<float> expected{0, 2};
  CHECK(with(relu) == expected);
  CHECK(with("relu") == expected);
  CHECK(with([](const Tensor& t) { return maximum(t, 0.f); }) == expected);
  CHECK(with({}) == std::vector<float>{-1, 2});
  CHECK(array_equal(nn::Activation(softmax)(x), softmax(x)));
  CHECK_THROWS_AS(nn::ActivationFunction("rellu"), UsageError);
}

TEST_CASE("an activation leaves a tensor alone that others hold", "[nn]") {
  Tensor x = constant({{-1.f, 2.f}}), kept = x;
  nn::Activation layer(relu);
  layer(x);
  nn::Sequential{relu}(std::move(x));
  CHECK(kept.to_vector<float>() == std::vector<float>{-1, 2});
}

TEST_CASE("convolution and pooling give the shapes of their padding and strides", "[nn]") {
  const Tensor image = ones({2, 28, 27, 3});
  CHECK(nn::Conv2D(6, 5)(image).shape() == Shape{2, 24, 23, 6});
  CHECK(nn::Conv2D(6, {5, 3}, {.padding = "same"})(image).shape() == Shape{2, 28, 27, 6});
  CHECK(nn::Conv2D(6, 3, {.strides = 2, .padding = "same"})(image).shape() == Shape{2, 14, 14, 6});
  CHECK(nn::Conv2D(6, 3, {.strides = {2, 1}})(image).shape() == Shape{2, 13, 25, 6});
  nn::Conv2D grouped(6, 3, {.groups = 3});
  CHECK(grouped(image).shape() == Shape{2, 26, 25, 6});
  CHECK(grouped.kernel().shape() == Shape{3, 3, 1, 6});
  CHECK(nn::MaxPooling2D(2)(image).shape() == Shape{2, 14, 13, 3});
  CHECK(nn::MaxPooling2D({3, 2}, {.strides = 1, .padding = "same"})(image).shape() == image.shape());
  CHECK(nn::AveragePooling2D(2)(image).to_vector<float>()[0] == 1.f);
  CHECK(nn::Flatten()(image).shape() == Shape{2, 28 * 27 * 3});
  CHECK(nn::Flatten()(zeros({0, 2, 3})).shape() == Shape{0, 6});
}

TEST_CASE("Dropout works in training only and keeps the mean", "[nn]") {
  const Tensor x = ones({100, 100});
  nn::Dropout layer(0.25, {.seed = 7});
  CHECK(array_equal(layer(x), x));
  const Tensor y = layer(x, {.training = true});
  const float kept = sum(y > 0.f).item<float>() / 10000;
  CHECK(kept == Approx(0.75).margin(0.02));
  CHECK(max(y).item<float>() == Approx(1 / 0.75));
  CHECK_FALSE(array_equal(layer(x, {.training = true}), y));
  CHECK(array_equal(nn::Dropout(0.25, {.seed = 7})(x, {.training = true}), y));
  CHECK_THROWS_AS(nn::Dropout(1), UsageError);
  CHECK_THROWS_AS(nn::Dropout(-0.1), UsageError);
}

TEST_CASE("Sequential takes layers, operations, callables and modules, and passes options on", "[nn]") {
  struct Doubler : nn::Module {
    Variable two = member("two", Variable(2.f));
    Tensor operator()(const Tensor& x) const { return x * two; }
  };
  int trained = 0;
  nn::Sequential model{
      relu, Doubler(), [](const Tensor& x) { return x + 1.f; },
      [&](const Tensor& x, const nn::CallOptions& o) {
        trained += o.training;
        return x;
      }};
  CHECK(model(constant({-1.f, 3.f}), {.training = true}).to_vector<float>() == std::vector<float>{1, 7});
  CHECK(trained == 1);
  REQUIRE(model.variables().size() == 1);
  CHECK(model.variables()[0].name() == "sequential/module/two");
  nn::Sequential grown;
  grown.add(nn::Dense(3));
  grown.add(model);
  grown.build({unknown, 4});
  CHECK(grown.variables().size() == 3);
}

TEST_CASE("a wrong input shape names the layer by its path", "[nn]") {
  struct Net : nn::Module {
    nn::Sequential trunk = member("trunk", nn::Sequential{nn::Conv2D(2, 3), nn::Flatten(), nn::Dense(4)});
  } net;
  net.trunk(ones({1, 8, 8, 1}));
  CHECK_THROWS_WITH(net.trunk(ones({1, 8, 8, 2})), Contains("trunk/conv2d") && Contains("(1, 8, 8, 2)"));
  CHECK_THROWS_WITH(net.trunk(ones({1, 9, 9, 1})), Contains("[dense]") && Contains("trunk/dense"));
  CHECK_THROWS_AS(net.trunk(ones({8, 8})), ShapeError);
  CHECK_THROWS_WITH(net.trunk(ones({1, 2, 2, 1})), Contains("trunk/conv2d"));  // smaller than the window
  CHECK_THROWS_AS(nn::Dense(2)(ones({3})), ShapeError);
  CHECK_THROWS_AS(nn::Dense(2).build({3, unknown}), ShapeError);
  CHECK_THROWS_AS(nn::Dense(2)(Tensor()), UsageError);
  CHECK_THROWS_AS(nn::MaxPooling2D(2)(ones({2, 2})), ShapeError);
}

TEST_CASE("a build that fails leaves the layer as it was", "[nn]") {
  bool fails = true;
  nn::Dense dense(2, {.bias_initializer = [&](const Shape& s, DType d) {
                    if (fails) throw UsageError("not yet");
                    return zeros(s, {.dtype = d});
                  }});
  CHECK_THROWS_AS(dense(ones({1, 3})), UsageError);
  CHECK(dense.variables().empty());
  fails = false;
  CHECK(dense(ones({1, 3})).shape() == Shape{1, 2});
  CHECK(dense.variables().size() == 2);
}

TEST_CASE("layers reject impossible options", "[nn]") {
  CHECK_THROWS_AS(nn::Dense(0), UsageError);
  CHECK_THROWS_AS(nn::Conv2D(0, 3), UsageError);
  CHECK_THROWS_AS(nn::Conv2D(4, 0), UsageError);
  CHECK_THROWS_AS(nn::Conv2D(4, 3, {.strides = 0}), UsageError);
  CHECK_THROWS_AS(nn::Conv2D(4, 3, {.padding = "full"}), UsageError);
  CHECK_THROWS_AS(nn::Conv2D(4, 3, {.groups = 3}), UsageError);
  CHECK_THROWS_AS(nn::MaxPooling2D(0), UsageError);
  CHECK_THROWS_AS(nn::AveragePooling2D(2, {.padding = "some"}), UsageError);
}

TEST_CASE("building while a tape records leaves nothing on it", "[nn]") {
  nn::Dense dense(1, {.use_bias = false});
  const Tensor x = constant({{2.f, 3.f}});
  GradientTape tape;
  Tensor y = sum(dense(x));
  CHECK(tape.gradient(y, dense.kernel()).to_vector<float>() == std::vector<float>{2, 3});
}

TEST_CASE("no activation is the same in every spelling", "[nn]") {
  const Tensor x = constant({{-1.f, 2.f}});
  const char* const no_name = nullptr;
  Tensor (*const no_operation)(const Tensor&) = nullptr;
  const std::function<Tensor(const Tensor&)> empty;
  for (const nn::ActivationFunction& none :
       {nn::ActivationFunction(), nn::ActivationFunction(nullptr), nn::ActivationFunction(no_name),
        nn::ActivationFunction(no_operation), nn::ActivationFunction(empty), nn::ActivationFunction("linear")}) {
    CHECK(none(x).to_vector<float>() == std::vector<float>{-1, 2});
    CHECK(
        nn::Dense(2, {.activation = none, .kernel_initializer = "ones"})(x).to_vector<float>() ==
        std::vector<float>{1, 1});
  }
  nn::Conv2D conv(1, 1, {.activation = nullptr, .kernel_initializer = "ones"});
  CHECK(conv(-ones({1, 1, 1, 1})).item<float>() == -1);
}

TEST_CASE("empty functions are typed errors", "[nn]") {
  const std::function<Tensor(const Tensor&)> empty;
  CHECK_THROWS_AS(nn::Sequential{empty}, UsageError);
  CHECK_THROWS_AS(initializers::Initializer(static_cast<const char*>(nullptr)), UsageError);
  const std::function<Tensor(const Shape&, DType)> nothing;
  CHECK_THROWS_AS(nn::Dense(2, {.kernel_initializer = nothing})(ones({1, 1})), UsageError);
}

TEST_CASE("padding is named in upper or lower case", "[nn]") {
  const Tensor x = ones({1, 5, 5, 1});
  CHECK(nn::Conv2D(1, 3, {.padding = "SAME"})(x).shape() == Shape{1, 5, 5, 1});
  CHECK(nn::Conv2D(1, 3, {.padding = "Valid"})(x).shape() == Shape{1, 3, 3, 1});
  CHECK(nn::MaxPooling2D(2, {.padding = "SAME"})(x).shape() == Shape{1, 3, 3, 1});
  CHECK(max_pool2d(x, {.padding = "VALID"}).shape() == Shape{1, 2, 2, 1});
}

TEST_CASE("a layer is built once, for one kind of input", "[nn]") {
  const nn::Dense dense(2);
  dense.build({unknown, 3});
  dense.build({5, 3});
  CHECK_THROWS_AS(dense.build({1, 4}), UsageError);
  CHECK_THROWS_WITH(dense.build({1, 4}), Catch::Contains("(…, 3)") && Catch::Contains("(1, 4)"));
  CHECK(dense(ones({1, 3})).shape() == Shape{1, 2});
  const nn::Conv2D convolution(2, 3);
  convolution.build({1, 8, 8, 3});
  CHECK_THROWS_AS(convolution.build({1, 8, 8, 1}), UsageError);
  const nn::Sequential net{nn::Dense(2), relu, nn::Dense(1)};
  net.build({unknown, 3});
  net.build({7, 3});
  CHECK_THROWS_AS(net.build({1, 4}), UsageError);
  CHECK_THROWS_WITH(net.build({1, 4}), Catch::Contains("sequential/dense") && Catch::Contains("(1, 4)"));
}

TEST_CASE("a dtype that a layer does not take is an error that names the layer", "[nn]") {
  const nn::Sequential net{nn::MaxPooling2D()};
  CHECK_THROWS_AS(net(ones({1, 4, 4, 1}, {.dtype = float16})), DTypeError);
  CHECK_THROWS_WITH(net(ones({1, 4, 4, 1}, {.dtype = float16})), Catch::Contains("'sequential/max_pooling2d'"));
}
