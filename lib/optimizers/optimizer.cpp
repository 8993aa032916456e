// What optimizers share: the checks before a step, the step itself, and the slots.
#include "keen/optimizers/optimizer.h"

#include "core/context.h"
#include "core/message.h"
#include "keen/creation.h"
#include "optimizers/optimizer_state.h"
#include "optimizers/updates.h"

namespace keen::detail {

OptimizerState::OptimizerState(std::string given_name, double rate, std::span<const char* const> slot_names)
    : name(std::move(given_name)),
      slot_names_(slot_names.begin(), slot_names.end()) {
  EagerScope outside_tapes_and_traces;
  iterations = Variable(zeros({}, {.dtype = DType::int64, .device = "cpu:0"}),
                        {.name = name + "/iterations", .trainable = false});
  learning_rate = hyperparameter("learning_rate", rate);
}

Variable OptimizerState::hyperparameter(const char* hyperparameter_name, double value) {
  EagerScope outside_tapes_and_traces;
  Variable variable(full({}, value, {.dtype = DType::float32, .device = "cpu:0"}),
                    {.name = name + '/' + hyperparameter_name, .trainable = false});
  hyperparameters_.push_back(variable);
  return variable;
}

void OptimizerState::forget_expired() {
  std::erase_if(slots_, [](const Slots& s) { return s.of.expired(); });
  slots_index_.clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_index_[slots_[i].of.lock().get()] = i;
}

std::span<const Variable> OptimizerState::slots_of(const Variable& variable) {
  auto found = slots_index_.find(variable.state().get());
  // The address may have belonged to a variable that is gone.
  if (found != slots_index_.end() && !slots_[found->second].of.expired()) return slots_[found->second].variables;
  EagerScope outside_tapes_and_traces;
  forget_expired();
  std::vector<Variable> made;
  for (const char* slot_name : slot_names_) {
    made.emplace_back(zeros(variable.shape(), {.dtype = variable.dtype(), .device = variable.device()}),
                      VariableOptions{.name = name + '/' + variable.name() + '/' + slot_name, .trainable = false});
  }
  slots_.push_back({variable.state(), std::move(made)});
  slots_index_[variable.state().get()] = slots_.size() - 1;
  return slots_.back().variables;
}

void OptimizerState::apply(std::span<const Tensor> gradients, std::span<const Variable> variables) {
  if (gradients.size() != variables.size())
    fail<UsageError>("apply_gradients", gradients.size(), " gradients for ", variables.size(),
                     " variables: give one gradient a variable, an undefined Tensor for none");
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (!variables[i].defined()) fail<UsageError>("apply_gradients", "variable ", i, " is an empty handle");
    if (!gradients[i].defined()) continue;
    check_update("apply_gradients", *gradients[i].impl(), *variables[i].state());
    slots_of(variables[i]);
  }
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (gradients[i].defined()) update(gradients[i], variables[i], slots_of(variables[i]));
  }
  iterations.assign_add(1);
}

std::vector<Variable> OptimizerState::all_variables() const {
  std::lock_guard lock(mutex_);
  std::vector<Variable> all{iterations};
  all.insert(all.end(), hyperparameters_.begin(), hyperparameters_.end());
  for (const Slots& s : slots_) {
    if (!s.of.expired()) all.insert(all.end(), s.variables.begin(), s.variables.end());
  }
  return all;
}

}  // namespace keen::detail

namespace keen::optimizers {

Variable Optimizer::learning_rate() const { return state_->learning_rate; }
Variable Optimizer::iterations() const { return state_->iterations; }
std::vector<Variable> Optimizer::variables() const { return state_->all_variables(); }
void Optimizer::apply_gradients(std::span<const Tensor> gradients, const std::vector<Variable>& variables) const {
  state_->apply(gradients, variables);
}

}  // namespace keen::optimizers
