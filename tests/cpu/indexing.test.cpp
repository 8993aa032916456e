// Gather, scatter, concat, pad, softmax: against naive loops, and what they refuse.
#include "keen/ops/indexing.h"

#include <cmath>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "layouts.h"

using namespace keen;
using namespace keen::test;

namespace {

Tensor counting(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.num_elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return constant(values, shape);
}

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const IndexError& error) {
    return error.what();
  }
  return "no IndexError";
}

}  // namespace

TEST_CASE("gather takes indices of every integer dtype, negative ones from the end", "[indexing]") {
  const Tensor x = counting({5, 3});
  const std::vector<float> rows = {12, 13, 14, 0, 1, 2};
  for (DType d : {int8, int16, int32, int64, uint8, uint16, uint32, uint64}) {
    INFO(name(d));
    CHECK(gather(x, constant({4, 0}, {.dtype = d})).to_vector<float>() == rows);
    if (is_signed_integer(d)) CHECK(gather(x, constant({-1, -5}, {.dtype = d})).to_vector<float>() == rows);
  }
}

TEST_CASE("gather works along every axis of every layout", "[indexing]") {
  std::mt19937 random(3);
  for (int turn = 0; turn < 60; ++turn) {
    const auto x = random_layout<double>(random, 1 + turn % 4, 20);
    for (int axis = 0; axis < x.tensor.rank(); ++axis) {
      std::vector<std::int64_t> at(6);
      const std::int64_t n = x.tensor.dim(axis);
      for (auto& i : at) i = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * n)) - n;
      const auto got = gather(x.tensor, constant(at), axis).to_vector<double>();
      std::int64_t inner = 1;
      for (int i = axis + 1; i < x.tensor.rank(); ++i) inner *= x.tensor.dim(i);
      bool equal = true;
      for (std::size_t e = 0; e < got.size(); ++e) {
        const auto i = static_cast<std::int64_t>(e), j = i / inner % 6, o = i / inner / 6;
        const std::int64_t place = at[static_cast<std::size_t>(j)] + (at[static_cast<std::size_t>(j)] < 0 ? n : 0);
        const double wanted = x.at((o * n + place) * inner + i % inner);
        equal &= got[e] == wanted || (std::isnan(got[e]) && std::isnan(wanted));
      }
      INFO(x.tensor.shape() << " strides " << x.tensor.strides() << " axis " << axis);
      CHECK(equal);
    }
  }
}

TEST_CASE("indices out of range name the operation, the index and the axis", "[indexing]") {
  const Tensor x = counting({5, 3});
  CHECK(message_of([&] { gather(x, constant({1, 7})); }) == "[gather] index 7 is out of range for axis 0 of size 5");
  CHECK(message_of([&] { gather(x, constant({-6})); }) == "[gather] index -6 is out of range for axis 0 of size 5");
  CHECK(message_of([&] { gather(x, constant({3}), 1); }) == "[gather] index 3 is out of range for axis 1 of size 3");
  const std::vector<std::uint64_t> huge = {UINT64_MAX};
  CHECK(message_of([&] {
          gather(x, constant(huge));
        }) == "[gather] index 18446744073709551615 is out of range for axis 0 of size 5");
  CHECK_THROWS_AS(scatter(constant({9}), counting({1, 3}), {5, 3}), IndexError);
  CHECK_THROWS_AS(take_along_axis(x, constant({{5, 0, 0}}), 0), IndexError);
  CHECK_THROWS_AS(one_hot(constant({3}), 3), IndexError);
  CHECK_THROWS_AS(one_hot(constant({-1}), 3), IndexError);
  CHECK_THROWS_AS(gather(zeros({0, 3}), constant({0})), IndexError);
}

TEST_CASE("indexing nothing gives nothing", "[indexing]") {
  CHECK(gather(counting({5, 3}), zeros({0}, {.dtype = int32})).shape() == Shape{0, 3});
  CHECK(gather(zeros({4, 0}), constant({1, 2})).shape() == Shape{2, 0});
  CHECK(sum(scatter(zeros({0}, {.dtype = int32}), zeros({0, 2}), {3, 2})).item<float>() == 0);
}

TEST_CASE("scatter adds duplicates in the order of the indices", "[indexing]") {
  const std::vector<int> at = {1, 0, 1, 1};
  const auto rows = scatter(constant(at), constant({{1e8f}, {5.f}, {1.f}, {-1e8f}}), {3, 1}).to_vector<float>();
  CHECK(rows == std::vector<float>{5, ((0.f + 1e8f) + 1.f) + -1e8f, 0});
  CHECK(scatter(constant({0, 0}), constant({100, 100}, {.dtype = int8}), {1}).item<int>() == -56);
}

TEST_CASE("take_along_axis and its gradient are each other's transpose", "[indexing]") {
  Tensor x = counting({3, 4});
  const Tensor at = constant({{3, 0}, {1, 1}, {-1, 2}});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = take_along_axis(x, at, 1);
  CHECK(y.to_vector<float>() == std::vector<float>{3, 0, 5, 5, 11, 10});
  CHECK(tape.gradient(y, x).to_vector<float>() == std::vector<float>{1, 0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 1});
}

TEST_CASE("concat, pad and slice gradients place every dtype and layout", "[join]") {
  const Tensor a = counting({2, 3}), b = counting({3, 2}).transpose();
  CHECK(concat({a, b}, 0).to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5, 0, 2, 4, 1, 3, 5});
  CHECK(concat({a, b}, 1).to_vector<float>() == std::vector<float>{0, 1, 2, 0, 2, 4, 3, 4, 5, 1, 3, 5});
  CHECK(concat({a, zeros({2, 0})}, 1).to_vector<float>() == a.to_vector<float>());
  for (DType d : {int8, int16, int32, int64, float32, float64}) {
    const Tensor padded = pad(b.cast(d), {{1, 0}, {0, 2}}, 7);
    CHECK(padded.dtype() == d);
    CHECK(padded.to_vector<int>() == std::vector<int>{7, 7, 7, 7, 7, 0, 2, 4, 7, 7, 1, 3, 5, 7, 7});
  }
  Tensor x = counting({6});
  GradientTape tape;
  tape.watch(x);
  CHECK(tape.gradient(x(slice(4, {}, -2)), x).to_vector<float>() == std::vector<float>{1, 0, 1, 0, 1, 0});
}

TEST_CASE("softmax and log_softmax along every axis agree with double precision", "[softmax]") {
  std::mt19937 random(5);
  for (const Shape& shape : {Shape{7}, Shape{3, 1000}, Shape{40, 130}, Shape{3, 5, 67}}) {
    std::vector<float> values(static_cast<std::size_t>(shape.num_elements()));
    for (float& v : values) v = static_cast<float>(random() % 2000) / 50 - 20;
    const Tensor x = constant(values, shape), wide = x.cast(float64);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Tensor e = exp(wide - max(wide, axis, true)), p = e / sum(e, axis, true);
      CHECK(max(abs(softmax(x, axis) - p) / p).item<double>() < 4e-6);  // x - max rounds at 2e-6 here
      CHECK(max(abs(log_softmax(x, axis) - log(p))).item<double>() < 1e-5);
      CHECK(max(abs(softmax(wide, axis) - p) / p).item<double>() < 1e-14);
    }
  }
  CHECK(softmax(constant({1000.f, 1000.f})).to_vector<float>() == std::vector<float>{0.5f, 0.5f});
  CHECK(std::isnan(softmax(constant({1.f, NAN, 2.f})).to_vector<float>()[0]));
}

TEST_CASE("sparse cross-entropy refuses labels out of range and names them", "[softmax]") {
  const Tensor logits = counting({2, 10});
  CHECK(message_of([&] {
          sparse_softmax_cross_entropy(constant({1, 10}), logits);
        }) == "[sparse_softmax_cross_entropy] label 10 is out of range for 10 classes");
  CHECK_THROWS_AS(sparse_softmax_cross_entropy(constant({-1, 0}), logits), IndexError);
}

TEST_CASE("the gradient of sparse cross-entropy is softmax minus one-hot", "[softmax]") {
  Tensor logits = counting({3, 10}) * 0.3f;
  for (DType d : {int8, int64, uint16}) {
    const Tensor labels = constant({0, 9, 4}, {.dtype = d}), scale = constant({1.f, 2.f, -3.f});
    GradientTape tape;
    tape.watch(logits);
    const Tensor loss = sparse_softmax_cross_entropy(labels, logits);
    const Tensor gradient = tape.gradient(loss * scale, logits);
    const Tensor wanted = (softmax(logits) - one_hot(labels, 10)) * expand_dims(scale, 1);
    CHECK(max(abs(gradient - wanted)).item<float>() < 1e-6f);
    CHECK(max(abs(loss + sum(log_softmax(logits) * one_hot(labels, 10), 1))).item<float>() < 1e-6f);
  }
}
