// Optimizer: what turns gradients into changes of variables.
#pragma once
#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "keen/autodiff/gradient_tape.h"
#include "keen/variable.h"

namespace keen {

namespace detail {
struct OptimizerState;
}

namespace optimizers {

/// A shared handle to an optimizer: copying it shares hyperparameters, step count and slots. Each variable is updated
/// in place by one fused kernel.
class Optimizer {
 public:
  /// Hyperparameters are 0-d float32 variables: `opt.learning_rate().assign(1e-4)` acts from the next step on, also in
  /// compiled functions.
  Variable learning_rate() const;
  /// Steps taken so far: a 0-d int64 variable.
  Variable iterations() const;
  /// Step count, hyperparameters and slots, in that order.
  std::vector<Variable> variables() const;

  /// Makes the slots of these variables now, not with their first step: a compiled function whose steps wait for a later
  /// call (behind an `if`) could not make them then.
  void build(const std::vector<Variable>& variables) const;

  /// One step: variables[i] moves by gradients[i]. An undefined gradient leaves its variable alone, with a warning in the
  /// log; gradients that are all undefined are a UsageError that names the variables. A sparse one touches its rows only.
  /// Sizes, shapes, dtypes (float32 and float64) and devices are checked before the first write.
  void apply_gradients(
      std::span<const Tensor> gradients, const std::vector<Variable>& variables, Where where = Where::current()) const;
  void apply_gradients(
      const std::vector<Tensor>& gradients, const std::vector<Variable>& variables,
      Where where = Where::current()) const {
    apply_gradients(std::span<const Tensor>(gradients), variables, where);
  }

  /// One step down the gradient of loss(), whose value it returns. `variables` is a list, or a callable that gives it
  /// once loss() has run and made the layers' variables.
  template <std::invocable Loss>
  Tensor minimize(Loss&& loss, const std::vector<Variable>& variables, Where where = Where::current()) const {
    GradientTape tape;
    tape.watch(variables, where);
    Tensor value = loss();
    apply_gradients(tape.gradient(value, variables, {}, where), variables, where);
    return value;
  }
  template <std::invocable Loss, std::invocable Variables>
  Tensor minimize(Loss&& loss, Variables&& variables, Where where = Where::current()) const {
    GradientTape tape;
    Tensor value = loss();
    const std::vector<Variable> list = variables();
    apply_gradients(tape.gradient(value, list, {}, where), list, where);
    return value;
  }

  bool is(const Optimizer& other) const noexcept { return state_ == other.state_; }

 protected:
  explicit Optimizer(std::shared_ptr<detail::OptimizerState> state) noexcept : state_(std::move(state)) {}
  const std::shared_ptr<detail::OptimizerState>& optimizer_state() const noexcept { return state_; }

 private:
  std::shared_ptr<detail::OptimizerState> state_;
};

}  // namespace optimizers
}  // namespace keen
