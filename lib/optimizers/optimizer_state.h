// OptimizerState: what the handles of an optimizer share - step count, hyperparameters and the slots of variables.
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/op.h"
#include "keen/variable.h"

namespace keen::detail {

struct OptimizerState {
  OptimizerState(std::string given_name, double learning_rate, std::span<const char* const> slot_names);
  virtual ~OptimizerState() = default;
  OptimizerState(const OptimizerState&) = delete;
  OptimizerState& operator=(const OptimizerState&) = delete;

  void apply(std::span<const Tensor> gradients, std::span<const Variable> variables);
  std::vector<Variable> all_variables() const;
  void make_slots(std::span<const Variable> variables);

  /// Adds a 0-d float32 variable. A value that is negative or not finite is a UsageError.
  Variable hyperparameter(const char* hyperparameter_name, double value);

  const std::string name;
  Variable iterations, learning_rate;

 protected:
  /// Runs the fused update of one variable.
  virtual void update(const Tensor& gradient, const Variable& variable, std::span<const Variable> slots) = 0;

 private:
  /// Slots do not keep their variable alive: those of a model that is gone are freed at the next new variable.
  struct Slots {
    std::weak_ptr<VariableState> of;
    std::vector<Variable> variables;
  };
  using SlotsOfOne = std::span<const Variable>;  // valid as long as the slots are
  SlotsOfOne slots_of(const Variable& variable);
  void forget_expired();
  void check_present(std::span<const Tensor> gradients, std::span<const Variable> variables);
  void prepare(std::span<Tensor> gradients, std::span<const Variable> variables, std::span<const SlotsOfOne> slots);

  const std::vector<const char*> slot_names_;
  std::vector<Variable> hyperparameters_;
  std::vector<Slots> slots_;  // in the order in which variables first came
  std::unordered_map<const VariableState*, std::size_t> slots_index_;
  std::string told_absent_;  // names of the variables without a gradient that the log was told of last
  mutable std::mutex mutex_;
};

}  // namespace keen::detail
