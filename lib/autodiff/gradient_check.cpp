// gradient_check: central differences of random projections.
#include "keen/autodiff/gradient_check.h"

#include <cmath>

#include "core/message.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

namespace keen {
namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// Σ f(x)·projection as a number.
double projected(const Function& f, const std::vector<Tensor>& x, const Tensor& projection) {
  return sum(f(x) * projection).item<double>();
}

// x with element `at` moved by `step`.
Tensor nudged(const Tensor& x, std::int64_t at, double step) {
  auto values = x.to_vector<double>();
  values[static_cast<std::size_t>(at)] += step;
  return constant(values, x.shape());
}

void compare(
    GradientCheckResult& result, const GradientCheckOptions& o, double analytic, double numeric, std::size_t input,
    std::int64_t at, int order) {
  double error = std::abs(analytic - numeric) / (o.atol + o.rtol * std::abs(numeric));
  if (!(error <= result.worst)) {
    result.worst = error;
    result.message = detail::text(
        "order ", order, ", input ", input, ", element ", at, ": gradient ", analytic, ", differences ", numeric);
  }
  if (!(error <= 1)) result.ok = false;
}

void check_order(
    GradientCheckResult& result, const Function& f, const std::vector<Tensor>& inputs, const GradientCheckOptions& o,
    int order) {
  Tensor projection = random::uniform(
      f(inputs).shape(),
      {.low = 0.5, .high = 1.5, .dtype = float64, .seed = o.seed + static_cast<std::uint64_t>(order)});
  GradientTape tape;
  tape.watch(inputs);
  Tensor y = sum(f(inputs) * projection);
  std::vector<Tensor> gradients = tape.gradient(y, inputs, {.unconnected = Unconnected::zero});
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    auto analytic = gradients[k].to_vector<double>();
    for (std::int64_t i = 0; i < inputs[k].size(); ++i) {
      std::vector<Tensor> up = inputs, down = inputs;
      up[k] = nudged(inputs[k], i, o.step);
      down[k] = nudged(inputs[k], i, -o.step);
      double numeric = (projected(f, up, projection) - projected(f, down, projection)) / (2 * o.step);
      compare(result, o, analytic[static_cast<std::size_t>(i)], numeric, k, i, order);
    }
  }
}

// The gradient of a projection of f, its parts joined into one vector: what the second order differentiates.
Tensor gradient_vector(const Function& f, const std::vector<Tensor>& x, std::uint64_t seed) {
  GradientTape tape;
  tape.watch(x);
  Tensor y = f(x);
  Tensor projection = random::uniform(y.shape(), {.low = 0.5, .high = 1.5, .dtype = float64, .seed = seed});
  std::vector<Tensor> parts = tape.gradient(sum(y * projection), x, {.unconnected = Unconnected::zero});
  for (auto& p : parts) p = flatten(p);
  return concat(parts);
}

}  // namespace

GradientCheckResult gradient_check(
    const Function& f, const std::vector<Tensor>& inputs, const GradientCheckOptions& options) {
  for (auto& x : inputs)
    if (x.dtype() != float64)
      detail::fail<DTypeError>(
          "gradient_check", "an input is ", name(x.dtype()), ": float64 is needed for differences to mean something");
  std::vector<Tensor> own;  // a tensor that is there twice is two inputs
  for (auto& x : inputs) own.push_back(stop_gradient(x));
  GradientCheckResult result;
  check_order(result, f, own, options, 1);
  if (options.order >= 2)
    check_order(
        result, [&](const std::vector<Tensor>& x) { return gradient_vector(f, x, options.seed); }, own, options, 2);
  if (result.ok) result.message.clear();
  return result;
}

}  // namespace keen
