// Losses: values against their formulas, reductions, gradients, shape checks.
#include <cmath>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;
using losses::Reduction;

namespace {
const Tensor labels = constant({{0.f, 1.f, 4.f}}), predictions = constant({{0.5f, 1.f, 1.f}});
}

TEST_CASE("regression losses follow their formulas", "[losses]") {
  CHECK(losses::mean_squared_error(labels, predictions).item<float>() == Approx((0.25 + 0 + 9) / 3));
  CHECK(losses::mean_absolute_error(labels, predictions).item<float>() == Approx((0.5 + 0 + 3) / 3));
  CHECK(losses::huber(labels, predictions).item<float>() == Approx((0.125 + 0 + 2.5) / 3));
  CHECK(losses::huber(labels, predictions, {.delta = 2}).item<float>() == Approx((0.125 + 0 + 4) / 3));
  CHECK(losses::mean_squared_error(labels, predictions, {.reduction = Reduction::sum}).item<float>() == Approx(9.25));
  CHECK(losses::mean_squared_error(labels, predictions, {.reduction = Reduction::none}).shape() == Shape{1, 3});
}

TEST_CASE("binary cross-entropy agrees between probabilities and logits", "[losses]") {
  const Tensor y = constant({1.f, 0.f, 1.f}), logits = constant({2.f, -1.f, -0.5f});
  const double expected = (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0)) + std::log1p(std::exp(0.5))) / 3;
  CHECK(losses::binary_crossentropy(y, logits, {.from_logits = true}).item<float>() == Approx(expected));
  CHECK(losses::binary_crossentropy(y, sigmoid(logits)).item<float>() == Approx(expected).epsilon(1e-5));
  // Certain and wrong stays finite.
  CHECK(
      losses::binary_crossentropy(y, constant({0.f, 1.f, 0.f})).item<float>() == Approx(-std::log(1e-7)).epsilon(0.02));
  const double smooth = (std::log1p(std::exp(2.0)) - 0.95 * 2);
  CHECK(
      losses::binary_crossentropy(constant({1.f}), constant({2.f}), {.from_logits = true, .label_smoothing = 0.1})
          .item<float>() == Approx(smooth));
}

TEST_CASE("sparse and one-hot cross-entropy agree, from logits and from probabilities", "[losses]") {
  const Tensor logits = random::normal({6, 4}, {.seed = 1}), y = constant({0, 3, 1, 1, 2, 0});
  const float expected = -mean(log_softmax(logits) * one_hot(y, 4)).item<float>() * 4;
  CHECK(losses::sparse_categorical_crossentropy(y, logits, {.from_logits = true}).item<float>() == Approx(expected));
  CHECK(losses::sparse_categorical_crossentropy(y, softmax(logits)).item<float>() == Approx(expected));
  CHECK(
      losses::categorical_crossentropy(one_hot(y, 4), logits, {.from_logits = true}).item<float>() == Approx(expected));
  CHECK(losses::categorical_crossentropy(one_hot(y, 4), softmax(logits)).item<float>() == Approx(expected));
}

TEST_CASE("sparse cross-entropy takes any leading dimensions and a column of labels", "[losses]") {
  const Tensor logits = random::normal({2, 3, 4}, {.seed = 1}), y = constant({{0, 3, 1}, {1, 2, 0}});
  const Tensor each =
      losses::sparse_categorical_crossentropy(y, logits, {.from_logits = true, .reduction = Reduction::none});
  CHECK(each.shape() == Shape{2, 3});
  const Tensor column =
      losses::sparse_categorical_crossentropy(y.expand_dims(-1), softmax(logits), {.reduction = Reduction::none});
  CHECK(allclose(each, column, 1e-4, 1e-5));
}

TEST_CASE("losses differentiate", "[losses]") {
  const Tensor x = random::normal({3, 4}, {.dtype = float64, .seed = 2}), y = constant({0, 3, 1});
  const Tensor hot = one_hot(y, 4, float64);
  CHECK(gradient_check([&](auto& in) { return losses::mean_squared_error(hot, in[0]); }, {x}));
  CHECK(gradient_check([&](auto& in) { return losses::huber(hot, in[0]); }, {x}));
  CHECK(gradient_check([&](auto& in) { return losses::binary_crossentropy(hot, in[0], {.from_logits = true}); }, {x}));
  CHECK(gradient_check(
      [&](auto& in) { return losses::categorical_crossentropy(hot, in[0], {.from_logits = true}); }, {x}));
  CHECK(gradient_check(
      [&](auto& in) { return losses::sparse_categorical_crossentropy(y, in[0], {.from_logits = true}); }, {x}));
  CHECK(gradient_check([&](auto& in) { return losses::sparse_categorical_crossentropy(y, softmax(in[0])); }, {x}));
}

TEST_CASE("losses reject shapes that would broadcast silently", "[losses]") {
  CHECK_THROWS_AS(losses::mean_squared_error(ones({3}), ones({3, 1})), ShapeError);
  CHECK_THROWS_AS(losses::categorical_crossentropy(ones({2, 3}), ones({2, 4})), ShapeError);
  CHECK_THROWS_AS(losses::sparse_categorical_crossentropy(constant({1, 2}), ones({3, 4})), ShapeError);
  CHECK_THROWS_AS(
      losses::sparse_categorical_crossentropy(constant({{1, 2, 3}}), ones({3, 4}), {.from_logits = true}), ShapeError);
  CHECK_THROWS_AS(
      losses::sparse_categorical_crossentropy(constant({1, 2, 4}), ones({3, 4}), {.from_logits = true}), IndexError);
  CHECK_THROWS_AS(
      losses::sparse_categorical_crossentropy(constant({1, 2, -1}), ones({3, 4}), {.from_logits = true}), IndexError);
  CHECK_THROWS_AS(losses::sparse_categorical_crossentropy(ones({3}), ones({3, 4})), DTypeError);
  CHECK_THROWS_AS(losses::sparse_categorical_crossentropy(constant(1), constant(1.f)), ShapeError);
  CHECK_THROWS_AS(losses::mean_absolute_error(Tensor(), ones({3})), UsageError);
  CHECK_THROWS_AS(losses::huber(ones({3}), ones({3}), {.delta = 0}), UsageError);
  CHECK_THROWS_AS(losses::huber(ones({3}), ones({3}), {.delta = INFINITY}), UsageError);
  for (const double alpha : {-0.1, 1.5, std::nan("")}) {
    CHECK_THROWS_AS(losses::binary_crossentropy(ones({3}), ones({3}), {.label_smoothing = alpha}), UsageError);
    CHECK_THROWS_AS(
        losses::categorical_crossentropy(ones({2, 3}), ones({2, 3}), {.label_smoothing = alpha}), UsageError);
  }
}
