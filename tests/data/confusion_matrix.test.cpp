// The confusion matrix against a count by hand, its checks, and compiled functions.
#include "keen/data/confusion_matrix.h"

#include "catch.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"

using namespace keen;
using data::confusion_matrix;

TEST_CASE("a confusion matrix counts pairs of label and prediction", "[data]") {
  const Tensor counts = confusion_matrix(constant({0, 1, 2, 1, 0}), constant({0, 2, 2, 1, 0}), 4);
  CHECK(counts.dtype() == int64);
  CHECK(array_equal(counts, constant({{2, 0, 0, 0}, {0, 1, 1, 0}, {0, 0, 1, 0}, {0, 0, 0, 0}})));
  CHECK(array_equal(confusion_matrix(constant({0, 1}), constant({1, 1})), constant({{0, 1}, {0, 1}})));
  CHECK(array_equal(confusion_matrix(zeros({0}, {.dtype = int8}), zeros({0}, {.dtype = int8})), zeros({1, 1})));
}

TEST_CASE("a confusion matrix counts as a loop does, for every integer dtype and shape", "[data]") {
  constexpr int classes = 7;
  const Tensor labels = random::integers(0, classes, {50, 4}, {.seed = 1});
  const Tensor predictions = random::integers(0, classes, {50, 4}, {.seed = 2});
  std::vector<std::int64_t> wanted(classes * classes);
  const auto a = labels.to_vector<int>(), b = predictions.to_vector<int>();
  for (std::size_t i = 0; i < a.size(); ++i) ++wanted[static_cast<std::size_t>(a[i] * classes + b[i])];
  for (DType d : {int8, uint8, int32, uint64, int64})
    CHECK(confusion_matrix(labels.cast(d), predictions, classes).to_vector<std::int64_t>() == wanted);
}

TEST_CASE("a confusion matrix refuses what is no class", "[data]") {
  const Tensor good = constant({0, 1});
  CHECK_THROWS_AS(confusion_matrix(good, ones({2}), 2), DTypeError);
  CHECK_THROWS_AS(confusion_matrix(good, constant({0, 1, 1}), 2), ShapeError);
  CHECK_THROWS_AS(confusion_matrix(good, constant({0, 2}), 2), IndexError);
  CHECK_THROWS_WITH(confusion_matrix(constant({0, -1}), good, 2), Catch::Contains("the label -1"));
  CHECK_THROWS_WITH(confusion_matrix(good, constant({0, -1})), Catch::Contains("the prediction -1"));
  CHECK_THROWS_AS(confusion_matrix(good, good, 0), UsageError);
  CHECK_THROWS_AS(confusion_matrix(good, good, std::int64_t{1} << 40), ShapeError);
}

TEST_CASE("a confusion matrix is counted in compiled functions, which also find what is no class", "[data]") {
  auto f = function(
      [](Tensor labels, Tensor predictions) { return confusion_matrix(labels, predictions, 3); },
      {.input_signature = {TensorSpec({unknown}, int32), TensorSpec({unknown}, int32)}});
  CHECK(array_equal(f(constant({0, 2, 2}), constant({1, 2, 2})), constant({{0, 1, 0}, {0, 0, 0}, {0, 0, 2}})));
  CHECK(sum(f(constant({0}), constant({0}))).item<int>() == 1);
  CHECK_THROWS_AS(f(constant({0, 3}), constant({0, 0})), IndexError);
  CHECK_THROWS_AS(f(constant({0, 0}), constant({0, -1})), IndexError);
  auto guess = function([](Tensor labels) { return confusion_matrix(labels, labels); });
  CHECK_THROWS_WITH(guess(constant({0, 1})), Catch::Contains("num_classes"));
}
