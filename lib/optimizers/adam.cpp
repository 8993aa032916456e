// Adam.
#include "core/message.h"
#include "keen/optimizers/optimizers.h"
#include "optimizers/optimizer_state.h"
#include "optimizers/updates.h"

namespace keen::optimizers {

namespace {

constexpr const char* slot_names[] = {"m", "v"};

struct AdamState final : detail::OptimizerState {
  AdamState(double rate, const AdamOptions& o)
      : OptimizerState(o.name, rate, slot_names),
        beta_1(hyperparameter("beta_1", o.beta_1)),
        beta_2(hyperparameter("beta_2", o.beta_2)),
        epsilon(hyperparameter("epsilon", o.epsilon)) {}

  void update(const Tensor& gradient, const Variable& variable, std::span<const Variable> slots) override {
    const detail::Attribute attributes[] = {
        std::shared_ptr<void>(variable.state()), std::shared_ptr<void>(slots[0].state()),
        std::shared_ptr<void>(slots[1].state())};
    detail::run_update(detail::adam_update, gradient, {learning_rate, beta_1, beta_2, epsilon, iterations}, attributes);
  }

  Variable beta_1, beta_2, epsilon;
};

void check(const AdamOptions& o) {
  for (double beta : {o.beta_1, o.beta_2}) {
    if (!(beta >= 0 && beta < 1)) detail::fail<UsageError>("adam", "beta ", beta, ": wants 0 ≤ β < 1");
  }
}

const AdamState& adam(const detail::OptimizerState& state) { return static_cast<const AdamState&>(state); }

}  // namespace

Adam::Adam(double learning_rate, const AdamOptions& options)
    : Optimizer((check(options), std::make_shared<AdamState>(learning_rate, options))) {}
Variable Adam::beta_1() const { return adam(*optimizer_state()).beta_1; }
Variable Adam::beta_2() const { return adam(*optimizer_state()).beta_2; }
Variable Adam::epsilon() const { return adam(*optimizer_state()).epsilon; }

}  // namespace keen::optimizers
