// Clipping by norms: the formulas, the bounds, sparse and undefined gradients, derivatives, compiled functions.
#include "keen/ops/clip.h"

#include <cmath>

#include "catch.h"
#include "core/tensor_impl.h"
#include "keen/autodiff/gradient_check.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"

using namespace keen;

namespace {

const Tensor x = constant({{3.f, -4.f}, {0.3f, 0.4f}, {0.f, 0.f}});

Tensor sparse_of(const std::vector<std::int64_t>& rows, const Tensor& values, const Shape& shape) {
  return detail::make_sparse(shape, values, constant(rows));
}

}  // namespace

TEST_CASE("clip_by_norm scales what is longer, and keeps the bits of what is not", "[clip]") {
  const double norm = std::sqrt(25.25);
  CHECK(allclose(clip_by_norm(x, 1), x * (1 / norm), 1e-6));
  CHECK(array_equal(clip_by_norm(x, 6), x));
  CHECK(allclose(clip_by_norm(x, 1, -1), constant({{0.6f, -0.8f}, {0.3f, 0.4f}, {0.f, 0.f}})));
  CHECK(array_equal(clip_by_norm(x, 0, 1), zeros({3, 2})));
  CHECK(allclose(clip_by_norm(x, constant(2.5), 0)(all_of, 0), x(all_of, 0) * (2.5f / std::sqrt(9.09f)), 1e-6));
  CHECK(array_equal(clip_by_norm(zeros({2, 2}), 1), zeros({2, 2})));
  CHECK(clip_by_norm(constant({3, 4}), 1).dtype() == float32);
  CHECK(clip_by_norm(x.cast(float64), 1.f).dtype() == float64);
  CHECK(clip_by_norm(x, constant(1.)).dtype() == float32);
  CHECK(clip_by_norm(zeros({0, 3}), 1).shape() == Shape{0, 3});
  CHECK_THROWS_AS(clip_by_norm(x, NAN), UsageError);
}

TEST_CASE("clip_by_norm is differentiable on both sides of the bound, twice", "[clip]") {
  const std::vector<Tensor> inputs{x.cast(float64) + 0.1};
  for (const double bound : {1., 100.})
    CHECK(gradient_check([&](const auto& in) { return clip_by_norm(in[0], bound, -1); }, inputs, {.order = 2}));
  const Tensor none = zeros({2});
  GradientTape tape;
  tape.watch(none);
  const Tensor y = sum(clip_by_norm(none, 1));
  CHECK(array_equal(tape.gradient(y, none), ones({2})));
}

TEST_CASE("clip_by_global_norm scales all by one factor and gives the norm before", "[clip]") {
  const auto [clipped, norm] = clip_by_global_norm({constant({3.f, 4.f}), Tensor(), constant({{12.f}})}, 6.5);
  CHECK(norm.item<float>() == 13);
  REQUIRE(clipped.size() == 3);
  CHECK(array_equal(clipped[0], constant({1.5f, 2.f})));
  CHECK_FALSE(clipped[1].defined());
  CHECK(array_equal(clipped[2], constant({{6.f}})));
  const auto [kept, same] = clip_by_global_norm({x}, 100);
  CHECK(array_equal(kept[0], x));
  CHECK(same.item<float>() == global_norm({x}).item<float>());
  CHECK(clip_by_global_norm({Tensor(), Tensor()}, 1).second.item<float>() == 0);
  CHECK(global_norm({}).item<float>() == 0);
}

TEST_CASE("each gradient keeps its dtype, and the norm has the widest", "[clip]") {
  const auto [clipped, norm] = clip_by_global_norm({constant({3.f}), constant(std::vector<double>{4})}, 1);
  CHECK(clipped[0].dtype() == float32);
  CHECK(clipped[1].dtype() == float64);
  CHECK(norm.dtype() == float64);
  CHECK(norm.item<double>() == 5);
}

TEST_CASE("a norm that is not finite makes every element NaN", "[clip]") {
  for (const float bad : {INFINITY, NAN}) {
    const auto clipped = clip_by_global_norm({constant({1.f, bad}), ones({2})}, 1).first;
    CHECK(all(isnan(clipped[0])).item<bool>());
    CHECK(all(isnan(clipped[1])).item<bool>());
  }
}

TEST_CASE("sparse gradients count and scale as the tensors they stand for, and stay sparse", "[clip]") {
  const Tensor dense = constant({{4.f, 0.f}, {0.f, 0.f}, {0.f, 3.f}});
  const Tensor repeated = sparse_of({0, -1, -3}, constant({{1.f, 0.f}, {0.f, 3.f}, {3.f, 0.f}}), {3, 2});
  CHECK(global_norm({repeated}).item<float>() == 5);
  const auto [clipped, norm] = clip_by_global_norm({repeated}, 2.5);
  CHECK(clipped[0].is_sparse());
  CHECK(norm.item<float>() == 5);
  CHECK(array_equal(clipped[0] + 0, dense * 0.5));
  CHECK(array_equal(clip_by_norm(repeated, 2.5) + 0, dense * 0.5));
  CHECK(array_equal(clip_by_norm(repeated, 2, -1) + 0, constant({{2.f, 0.f}, {0.f, 0.f}, {0.f, 2.f}})));
}

TEST_CASE("gradients of an embedding are clipped alike eagerly and in a compiled function", "[clip]") {
  const Variable table(ones({5, 2})), weight(ones({2, 3}));
  const auto step = [&](const Tensor& ids) {
    GradientTape tape;
    const Tensor loss = sum(square(matmul(gather(table, ids), weight)));
    auto [clipped, norm] = clip_by_global_norm(tape.gradient(loss, std::vector{table, weight}), 1);
    return std::tuple{clipped[0] + 0, clipped[1], norm};
  };
  const Tensor ids = constant({1, 3, 1});
  const auto [a, b, norm] = step(ids);
  const auto [c, d, compiled_norm] = function(step)(ids);
  CHECK(allclose(a, c));
  CHECK(allclose(b, d));
  CHECK(allclose(norm, compiled_norm));
  CHECK(allclose(global_norm({a, b}), constant(1.f)));
}
