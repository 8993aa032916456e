// The optimizers.
#pragma once
#include "keen/optimizers/optimizer.h"

namespace keen::optimizers {

// To construct one with a learning rate or another hyperparameter that is negative, infinite or NaN is a UsageError; what is
// assigned to them later is not checked.

struct SGDOptions {
  double momentum = 0;  ///< μ; without it there is no velocity slot
  bool nesterov = false;
  std::string name = "sgd";
};
/// Gradient descent: w += −lr·g; with momentum m = μ·m − lr·g and w += m; with Nesterov's w += μ·m − lr·g
/// (Sutskever et al. 2013).
class SGD : public Optimizer {
 public:
  explicit SGD(double learning_rate = 0.01, const SGDOptions& options = {});
  /// A UsageError for an SGD made without momentum.
  Variable momentum() const;
};

struct AdamOptions {
  double beta_1 = 0.9, beta_2 = 0.999;
  double epsilon = 1e-7;  ///< added outside the root
  std::string name = "adam";
};
/// Adam (Kingma and Ba 2015), in the form with the corrections in the step size: m += (g − m)(1 − β₁),
/// v += (g² − v)(1 − β₂), w −= lr·√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε). With sparse gradients, rows without a gradient
/// keep their m and v.
class Adam : public Optimizer {
 public:
  explicit Adam(double learning_rate = 0.001, const AdamOptions& options = {});
  Variable beta_1() const;
  Variable beta_2() const;
  Variable epsilon() const;
};

}  // namespace keen::optimizers
