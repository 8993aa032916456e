// SGD, with and without momentum.
#include "core/message.h"
#include "keen/optimizers/optimizers.h"
#include "optimizers/optimizer_state.h"
#include "optimizers/updates.h"

namespace keen::optimizers {

namespace {

constexpr const char* velocity[] = {"velocity"};

struct SGDState final : detail::OptimizerState {
  SGDState(double rate, const SGDOptions& o)
      : OptimizerState(o.name, rate, {velocity, o.momentum != 0 ? 1u : 0u}), nesterov(o.nesterov) {
    if (o.momentum != 0) momentum = hyperparameter("momentum", o.momentum);
  }

  void update(const Tensor& gradient, const Variable& variable, std::span<const Variable> slots) override {
    if (slots.empty()) {
      const detail::Attribute attributes[] = {std::shared_ptr<void>(variable.state())};
      detail::run_update(detail::sgd_update, gradient, {learning_rate}, attributes);
    } else {
      const detail::Attribute attributes[] = {
          std::shared_ptr<void>(variable.state()), std::shared_ptr<void>(slots[0].state()), nesterov};
      detail::run_update(detail::momentum_update, gradient, {learning_rate, momentum}, attributes);
    }
  }

  Variable momentum;
  const bool nesterov;
};

void check(double momentum, bool nesterov) {
  if (!(momentum >= 0 && momentum <= 1)) detail::fail<UsageError>("sgd", "momentum ", momentum, ": wants 0 ≤ μ ≤ 1");
  if (nesterov && momentum == 0) detail::fail<UsageError>("sgd", "nesterov without momentum: give {.momentum = 0.9}");
}

}  // namespace

SGD::SGD(double learning_rate, const SGDOptions& options)
    : Optimizer((check(options.momentum, options.nesterov), std::make_shared<SGDState>(learning_rate, options))) {}

Variable SGD::momentum() const {
  const auto& state = static_cast<const SGDState&>(*optimizer_state());
  if (!state.momentum.defined())
    detail::fail<UsageError>("sgd", "it was made without momentum, and has no slots for it: give {.momentum = 0.9}");
  return state.momentum;
}

}  // namespace keen::optimizers
