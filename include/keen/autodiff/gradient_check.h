// gradient_check: compares gradients with central differences.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "keen/tensor.h"

namespace keen {

struct GradientCheckOptions {
  double step = 1e-5;  ///< of the central difference
  double rtol = 1e-3, atol = 1e-5;
  int order = 1;  ///< 2 also checks the gradient of a random projection of the gradient
  std::uint64_t seed = 1;
};
struct GradientCheckResult {
  bool ok = true;
  double worst = 0;     ///< largest |analytic − numeric| / (atol + rtol·|numeric|)
  std::string message;  ///< where, and both values, when not ok
  explicit operator bool() const { return ok; }
};
/// Checks f at the float64 tensors `inputs` by (f(x + h) − f(x − h)) / 2h of a random projection of f's result.
GradientCheckResult gradient_check(
    const std::function<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& inputs,
    const GradientCheckOptions& options = {});

}  // namespace keen
