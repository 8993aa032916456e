// Kernels that reduce over axes which are not the last, and what waits for that: one kernel, whatever the sizes and layouts.
#include "catch.h"
#include "function/planned.h"
#include "fusion/fused.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

using Tensors = std::vector<Tensor>;
struct Case {
  const char* name;
  std::function<Tensors(const Tensor& x, const Tensor& scale, const Axes& axes)> body;
};

Tensor normalised(const Tensor& x, const Axes& axes) {
  const Tensor centred = x - mean(x, axes, true);
  return centred * rsqrt(mean(square(centred), axes, true) + 1e-3f);
}
Tensor soft(const Tensor& x, const Axes& axes) {
  const Tensor e = exp(x - max(x, axes, true));
  return e / sum(e, axes, true);
}
Tensors with_gradient(const Tensor& x, const std::function<Tensor(const Tensor&)>& f) {
  GradientTape tape;
  tape.watch(x);
  const Tensor y = f(x);
  return {y, tape.gradient(sum(y * cos(x)), x)};
}

const Case cases[] = {
    {"mean", [](auto& x, auto&, auto& axes) { return Tensors{mean(tanh(x), axes)}; }},
    {"variance", [](auto& x, auto&, auto& axes) { return Tensors{variance(x, axes)}; }},
    {"softmax", [](auto& x, auto&, auto& axes) { return Tensors{soft(x, axes)}; }},
    {"log-softmax",
     [](auto& x, auto&, auto& axes) {
       const Tensor shifted = x - max(x, axes, true);
       return Tensors{shifted - log(sum(exp(shifted), axes, true))};
     }},
    {"batch norm",
     [](auto& x, auto& scale, auto& axes) {
       const Tensor centred = x - mean(x, axes, true), moment = mean(square(centred), axes, true);
       return Tensors{
           relu(centred * (rsqrt(moment + 1e-3f) * scale) + scale), moment * 0.1f + scale * 0.9f, sqrt(moment)};
     }},
    {"gradient of softmax",
     [](auto& x, auto&, auto& axes) { return with_gradient(x, [&](auto& v) { return soft(v, axes); }); }},
    {"gradient of batch norm",
     [](auto& x, auto&, auto& axes) { return with_gradient(x, [&](auto& v) { return normalised(v, axes); }); }},
    {"cross-entropy of soft labels",
     [](auto& x, auto& scale, auto& axes) {
       const Tensor shifted = x - max(x, axes, true), labels = sigmoid(x * scale);
       return Tensors{sum(labels * (log(sum(exp(shifted), axes, true)) - shifted), axes)};
     }},
    {"stored on the way",
     [](auto& x, auto&, auto& axes) {
       const Tensor y = tanh(x) * 3.f, m = max(y, axes, true), d = exp(y - m);
       return Tensors{y, d, m, d - sum(d, axes, true), m};
     }},
};

/// Sizes of what is not reduced, 1 elsewhere.
keen::Shape kept_shape(const keen::Shape& shape, const Axes& axes) { return sum(zeros(shape), axes, true).shape(); }

int kernels_of(const Case& c, const Tensor& x, const Axes& axes) {
  const Tensor scale = random::uniform(kept_shape(x.shape(), axes), {.low = 0.5, .seed = 2}).cast(x.dtype());
  INFO(c.name << " of " << x.shape());
  const auto [steps, kernels] = planned({x, scale}, [&](const Tensors& in) { return c.body(in[0], in[1], axes); });
  CHECK(steps == kernels);
  return kernels;
}

}  // namespace

TEST_CASE("what waits for columns, and their gradients, are single kernels", "[function][fusion]") {
  if (!has_jit()) return;
  for (const Case& c : cases) {
    CHECK(kernels_of(c, random::normal({37, 21}, {.seed = 1}), {0}) == 1);
    CHECK(kernels_of(c, random::normal({6, 7, 5, 3}, {.seed = 1}), {0, 1, 2}) == 1);  // channels last
    CHECK(kernels_of(c, random::normal({6, 3, 7, 5}, {.seed = 1}), {0, 2, 3}) == 1);  // channels first
    CHECK(kernels_of(c, random::normal({6, 3, 7, 5}, {.seed = 1}), {1, 2}) == 1);
  }
}

TEST_CASE("columns of any number, length, dtype and layout agree with eager ones", "[function][fusion]") {
  const auto normal = [](const keen::Shape& shape) { return random::normal(shape, {.seed = 3}); };
  const std::pair<Tensor, Axes> inputs[] = {
      {normal({1000, 3}), {0}},    // short rows, walked as one
      {normal({1031, 10}), {0}},   // which do not divide evenly
      {normal({2, 5000}), {0}},    // wide
      {normal({40000, 1}), {0}},   // a single column
      {normal({700, 1000}), {0}},  // more than a cache holds
      {normal({1500, 417}), {0}},
      {normal({31, 3000, 7}), {1}},  // blocks of the outer axis, of which one is smaller
      {normal({2, 3001, 90}), {1}},  // rows too many for a block
      {normal({4, 30, 40, 65}), {0, 1, 2}},
      {normal({8, 33, 40, 41}), {0, 2, 3}},                     // blocks of channels, of which one is smaller
      {normal({2, 300000}), {1}},                               // long rows
      {transpose(normal({417, 700})), {0}},                     // contiguous the other way
      {normal({300, 2, 500})(all_of, 1, all_of), {0}},          // rows with gaps
      {flip(normal({200, 90}), 1), {0}},                        // backwards
      {broadcast_to(normal({1, 300, 1}), {50, 300, 40}), {1}},  // repeated
      {normal({500, 60}).cast(float64), {0}},
  };
  for (const Case& c : cases)
    for (const auto& [x, axes] : inputs) kernels_of(c, x, axes);
}

TEST_CASE("integers wait for columns too", "[function][fusion]") {
  const Tensor x = cast(random::normal({300, 40}, {.seed = 1}) * 100.f, int32);
  planned({x}, [](const Tensors& in) {
    const Tensor m = max(in[0] + 1, 0, true);
    return Tensors{sum(where(in[0] * 2 > m, in[0], m - in[0]), 0), any(in[0] == m, 0), m - in[0]};
  });
}

TEST_CASE("a sum that waits for a sum is gathered behind it, wherever the elements lie", "[function][fusion]") {
  const auto twice = [](const Tensor& x) { return Tensors{sum(x + sum(x)), sum(x - max(x)), any(x > sum(x))}; };
  const auto body = [&](const Tensors& in) { return twice(in[0]); };
  const Tensor row = constant({{1.f, 2.f}}), column = constant({{1.f}, {2.f}, {3.f}});
  planned({broadcast_to(row, {3, 2})}, body);
  planned({broadcast_to(column, {3, 2})}, body);
  planned({random::normal({30, 40}, {.seed = 1})(all_of, slice(3, 20))}, body);
  planned({random::uniform({300000}, {.seed = 1})}, body);
  planned({random::uniform({20, 15000}, {.seed = 1})}, body);
}

TEST_CASE("what a row is reduced to is stored once, beside what repeats it along the row", "[function][fusion]") {
  const auto body = [](const Tensors& in) {
    const Tensor m = tanh(mean(in[0], 1, true)), over = broadcast_to(m + in[1], in[0].shape());
    return Tensors{m, tanh(m * in[0]), over, m * 2.f + cast(all(in[0] < in[1], 1, true), in[0].dtype())};
  };
  const Tensor x = random::normal({40, 130}, {.seed = 1}), number = constant(0.5f);
  planned({x, number}, body);
  planned({transpose(random::normal({130, 40}, {.seed = 1})), number}, body);
  planned({flip(x, 1), number}, body);
  planned({broadcast_to(random::normal({40, 1}, {.seed = 1}), {40, 130}), number}, body);
  planned({broadcast_to(number, {40, 130}), number}, body);
  planned({random::normal({3, 200000}, {.seed = 1}), number}, body);
}
