// 0-d tensors where an axis is named: reductions and what works along one axis take 0 and -1, others refuse.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// f along axis 0 and -1 of a number is what it is of the number alone.
template <class F>
void check(F f, const Tensor& x, const Tensor& wanted) {
  for (int axis : {0, -1}) {
    INFO("axis " << axis);
    const Tensor y = f(x, axis);
    CHECK(y.shape() == Shape());
    CHECK(y.dtype() == wanted.dtype());
    CHECK(array_equal(y, wanted));
    CHECK(array_equal(function([&](const Tensor& in) { return f(in, axis); })(x), wanted));
  }
  for (int axis : {1, -2}) CHECK_THROWS_AS(f(x, axis), IndexError);
}

}  // namespace

TEST_CASE("a reduction of a number over its one axis is the number's", "[ops]") {
  const Tensor x(-3.f);
  check([](const Tensor& t, int axis) { return sum(t, axis); }, x, x);
  check([](const Tensor& t, int axis) { return sum(t, axis, true); }, x, x);
  check([](const Tensor& t, int axis) { return mean(t, axis); }, x, x);
  check([](const Tensor& t, int axis) { return prod(t, axis); }, x, x);
  check([](const Tensor& t, int axis) { return max(t, axis); }, x, x);
  check([](const Tensor& t, int axis) { return min(t, axis); }, x, x);
  check([](const Tensor& t, int axis) { return any(t, axis); }, x, Tensor(true));
  check([](const Tensor& t, int axis) { return all(t, axis); }, x, Tensor(true));
  check([](const Tensor& t, int axis) { return variance(t, axis); }, x, Tensor(0.f));
  check([](const Tensor& t, int axis) { return keen::std(t, axis); }, x, Tensor(0.f));
  check([](const Tensor& t, int axis) { return norm(t, axis); }, x, Tensor(3.f));
  check([](const Tensor& t, int axis) { return logsumexp(t, axis); }, x, x);
  check([](const Tensor& t, int axis) { return clip_by_norm(t, 1, axis); }, x, Tensor(-1.f));
}

TEST_CASE("what works along one axis takes a number as an axis of one", "[ops]") {
  const Tensor x(-3.f), first(std::int64_t{0});
  check([](const Tensor& t, int axis) { return argmax(t, axis); }, x, first);
  check([](const Tensor& t, int axis) { return argmin(t, axis, true); }, x, first);
  check([](const Tensor& t, int axis) { return softmax(t, axis); }, x, Tensor(1.f));
  check([](const Tensor& t, int axis) { return log_softmax(t, axis); }, x, Tensor(0.f));
  check([](const Tensor& t, int axis) { return flip(t, axis); }, x, x);
  CHECK(softmax(x).item<float>() == 1);
  CHECK(log_softmax(Tensor(2)).dtype() == float32);
}

TEST_CASE("the gradient of a number's reductions is the number's", "[ops]") {
  const Tensor x(-3.f);
  const auto gradient = [&](auto f) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(f(), x).template item<float>();
  };
  CHECK(gradient([&] { return sum(x, 0); }) == 1);
  CHECK(gradient([&] { return max(x, -1); }) == 1);
  CHECK(gradient([&] { return prod(x, 0); }) == 1);
  CHECK(gradient([&] { return norm(x, 0); }) == -1);
  CHECK(gradient([&] { return softmax(x, 0); }) == 0);
}

TEST_CASE("joins, parts and indices of a number have no axis to work along", "[ops]") {
  const Tensor x(1.f);
  CHECK_THROWS_AS(concat({x, x}, 0), IndexError);
  CHECK_THROWS_AS(split(x, 1, 0), IndexError);
  CHECK_THROWS_AS(unstack(x, 0), IndexError);
  CHECK_THROWS_AS(gather(x, constant({0}), 0), IndexError);
  CHECK_THROWS_AS(x.dim(0), IndexError);
  CHECK_THROWS_AS(x[0], IndexError);
  CHECK_THROWS_AS(transpose(x, {0}), ShapeError);
  CHECK_THROWS_AS(sum(x, {0, -1}), IndexError);
}
