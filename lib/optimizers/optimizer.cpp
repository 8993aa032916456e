// What optimizers share: the checks before a step, the step itself, and the slots.
#include "keen/optimizers/optimizer.h"

#include <cmath>

#include "core/context.h"
#include "core/message.h"
#include "cpu/update_batch.h"
#include "keen/creation.h"
#include "keen/log.h"
#include "keen/ops/shape.h"
#include "ops/sparse_rows.h"
#include "optimizers/optimizer_state.h"
#include "optimizers/updates.h"

namespace keen::detail {

OptimizerState::OptimizerState(std::string given_name, double rate, std::span<const char* const> slot_names)
    : name(std::move(given_name)), slot_names_(slot_names.begin(), slot_names.end()) {
  CreationScope outside_tapes_and_traces;
  iterations = Variable(
      zeros({}, {.dtype = DType::int64, .device = "cpu:0"}), {.name = name + "/iterations", .trainable = false});
  learning_rate = hyperparameter("learning_rate", rate);
}

Variable OptimizerState::hyperparameter(const char* hyperparameter_name, double value) {
  if (!(value >= 0) || !std::isfinite(static_cast<float>(value)))
    fail<UsageError>(name.c_str(), hyperparameter_name, ' ', value, ": wants a finite number, 0 or more");
  CreationScope outside_tapes_and_traces;
  Variable variable(
      full({}, value, {.dtype = DType::float32, .device = "cpu:0"}),
      {.name = name + '/' + hyperparameter_name, .trainable = false});
  hyperparameters_.push_back(variable);
  return variable;
}

void OptimizerState::forget_expired() {
  std::erase_if(slots_, [](const Slots& s) { return s.of.expired(); });
  slots_index_.clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_index_[slots_[i].of.lock().get()] = i;
}

OptimizerState::SlotsOfOne OptimizerState::slots_of(const Variable& variable) {
  auto found = slots_index_.find(variable.state().get());
  // The address may have belonged to a variable that is gone.
  if (found != slots_index_.end() && !slots_[found->second].of.expired()) return slots_[found->second].variables;
  CreationScope outside_tapes_and_traces;
  forget_expired();
  std::vector<Variable> made;
  for (const char* slot_name : slot_names_) {
    made.emplace_back(
        zeros(variable.shape(), {.dtype = variable.dtype(), .device = variable.device()}),
        VariableOptions{.name = name + '/' + variable.name() + '/' + slot_name, .trainable = false});
  }
  slots_.push_back({variable.state(), std::move(made)});
  slots_index_[variable.state().get()] = slots_.size() - 1;
  return slots_.back().variables;
}

namespace {

// The gradient with its elements in row-major order.
Tensor packed(const Tensor& gradient) {
  if (!gradient.is_sparse()) return contiguous(gradient);
  if (gradient.values().is_contiguous() && gradient.indices().is_contiguous()) return gradient;
  return make_sparse(gradient.shape(), contiguous(gradient.values()), contiguous(gradient.indices()));
}

// Rows that a sparse gradient should not name are found here, before the first write.
Tensor with_checked_rows(const Tensor& gradient) {
  return gradient.is_sparse() ? make_sparse(gradient.shape(), gradient.values(), row_numbers(gradient)) : gradient;
}

}  // namespace

// A kernel's own copies come first, so that running out of memory leaves every variable as it was.
void OptimizerState::prepare(
    std::span<Tensor> gradients, std::span<const Variable> variables, std::span<const SlotsOfOne> slots) {
  EagerScope outside_tapes_and_traces;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (!gradients[i].defined()) continue;
    gradients[i] = packed(gradients[i]);
    own_buffer(*variables[i].state());
    for (const Variable& slot : slots[i]) own_buffer(*slot.state());
  }
  own_buffer(*iterations.state());
}

// Variables without a gradient are left alone, which is worth a word: the first time, and when others are left out.
void OptimizerState::check_present(std::span<const Tensor> gradients, std::span<const Variable> variables) {
  std::string absent;
  bool any = false;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (!variables[i].defined()) fail<UsageError>("apply_gradients", "variable ", i, " is an empty handle");
    any |= gradients[i].defined();
    if (gradients[i].defined()) continue;
    const std::string& given = variables[i].name();
    absent += (absent.empty() ? "" : ", ") + (given.empty() ? text("variable ", i) : text('\'', given, '\''));
  }
  if (!any)
    fail<UsageError>(
        "apply_gradients", "no gradient for any variable (", absent.empty() ? "there are none" : absent,
        "): does the loss depend on them, and was it computed while the tape recorded?");
  if (absent.empty() || absent == told_absent_) return;
  log(LogLevel::warning, text(name, ": no gradient for ", absent, ": left as they are"));
  told_absent_ = absent;
}

void OptimizerState::apply(std::span<const Tensor> gradients, std::span<const Variable> variables) {
  if (gradients.size() != variables.size())
    fail<UsageError>(
        "apply_gradients", gradients.size(), " gradients for ", variables.size(),
        " variables: give one gradient a variable, an undefined Tensor for none");
  std::lock_guard lock(mutex_);
  check_present(gradients, variables);
  std::vector<SlotsOfOne> slots(variables.size());
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (!gradients[i].defined()) continue;
    check_update("apply_gradients", *gradients[i].impl(), *variables[i].state());
    slots[i] = slots_of(variables[i]);
  }
  std::vector<Tensor> ready;
  for (const Tensor& gradient : gradients) ready.push_back(with_checked_rows(gradient));
  Tensor one = number_tensor("apply_gradients", 1, DType::int64);
  if (!thread_context.interpreter) prepare(ready, variables, slots);
  cpu::UpdateBatch together;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (ready[i].defined()) update(ready[i], variables[i], slots[i]);
  }
  together.run();
  iterations.assign_add(one);
}

void OptimizerState::make_slots(std::span<const Variable> variables) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (!variables[i].defined()) fail<UsageError>("build", "variable ", i, " is an empty handle");
    slots_of(variables[i]);
  }
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
void Optimizer::build(const std::vector<Variable>& variables) const { state_->make_slots(variables); }
void Optimizer::apply_gradients(
    std::span<const Tensor> gradients, const std::vector<Variable>& variables, Where where) const {
  detail::note_line(where);
  state_->apply(gradients, variables);
}

}  // namespace keen::optimizers
