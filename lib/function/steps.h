// The steps of a plan, and what a call in flight owns while they run.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/variable_state.h"
#include "function/graph.h"
#include "function/source_line.h"
#include "fusion/any_launch.h"

namespace keen::detail {

/// Where a value's elements start: a slot of the frame, and bytes behind it.
struct Address {
  int slot = -1;
  std::int64_t offset = 0;
};

/// The operands of an operation's own kernel, made once: only addresses change from call to call.
struct OpState {
  std::vector<Operand> inputs;
  std::vector<Tensor> outputs;
  std::vector<Attribute> attributes;
};

/// What one call needs for itself.
struct Frame {
  std::vector<char*> base;   // a slot
  std::vector<Tensor> held;  // a slot: the value of a variable, a result in the making
  std::vector<OpState> ops;  // an OpStep
  std::vector<void*> addresses;
  std::span<const Tensor> arguments;     // of a call that brings tensors
  std::vector<Tensor> roots, scattered;  // headers for results in memory of the caller's (PlanRun)
  void* memory = nullptr;                // where temporaries lie
  std::size_t bytes = 0;

  Frame() = default;
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame();
};

class Plan;
class KernelStep;

class Step {
 public:
  virtual ~Step() = default;
  virtual void run(Frame& frame) const = 0;
  /// One line for explain(), and one for each step of the parts it runs.
  virtual std::string to_string() const = 0;
  /// The fused kernel that it runs, if any.
  virtual const KernelStep* kernel() const { return nullptr; }
  /// The plans that it runs itself: those of branches and loops.
  virtual std::vector<const Plan*> parts() const { return {}; }

  std::vector<int> releases;  // slots whose tensors nothing needs after this step
  Origin origin;              // of the operation that it runs
};

/// run(step) for one after the other. Errors name what the user called and the line, at no cost where there are none.
template <class Run>
[[gnu::always_inline]] inline void run_steps(std::span<const std::unique_ptr<Step>> steps, Run&& run) {
  const Step* now = nullptr;
  try {
    for (const auto& step : steps) run(*(now = step.get()));
  } catch (const Error& error) {
    rethrow_from(error, now->origin);
  }
}

/// Fetches a variable's value: held until its last use, so that writes meanwhile do not touch it.
class ReadStep final : public Step {
 public:
  ReadStep(int slot, std::shared_ptr<VariableState> variable) : slot_(slot), variable_(std::move(variable)) {}
  void run(Frame& frame) const override;
  std::string to_string() const override;

 private:
  int slot_;
  std::shared_ptr<VariableState> variable_;
};

/// Runs a fused kernel.
class KernelStep final : public Step {
 public:
  KernelStep(std::shared_ptr<const fusion::AnyLaunch> code, std::vector<Address> operands, std::string description)
      : code_(std::move(code)), operands_(std::move(operands)), description_(std::move(description)) {}
  void run(Frame& frame) const override;
  std::string to_string() const override { return description_; }
  const KernelStep* kernel() const override { return this; }
  /// What it computes, with the accesses of its layouts.
  const fusion::Kernel& code() const noexcept {
    return std::visit([](const auto& code) -> const fusion::Kernel& { return code.kernel(); }, *code_);
  }
  /// The kernels for which it has code: one for each stage.
  std::vector<const fusion::Kernel*> codes() const {
    return std::visit([](const auto& code) { return code.codes(); }, *code_);
  }
  /// The kernel where it can run in parts, else null.
  const fusion::Launch* launch() const noexcept { return std::get_if<fusion::Launch>(code_.get()); }
  /// Its operands, kept by the frame until the next kernel.
  std::span<void* const> addresses(Frame& frame) const;

 private:
  std::shared_ptr<const fusion::AnyLaunch> code_;
  std::vector<Address> operands_;
  std::string description_;
};

/// Runs an operation's own kernel.
class OpStep final : public Step {
 public:
  struct Place {
    Address address;
    bool moves;  // from call to call
  };
  OpStep(const Op& op, std::size_t state, std::vector<Place> inputs, std::vector<Place> outputs);
  void run(Frame& frame) const override;
  std::string to_string() const override;
  /// Sets the addresses that stay.
  void place(Frame& frame) const;
  /// The state serves other steps too: no address stays.
  void share() noexcept { shared_ = true; }

 private:
  const Op& op_;
  std::size_t state_;
  std::vector<Place> inputs_, outputs_;
  bool shared_ = false;
};

/// Runs an operation, and the kernel that follows it on each part of its result.
class TailStep final : public Step {
 public:
  /// `width`: of the rows that the result is cut into, its last axis.
  TailStep(std::unique_ptr<Step> product, std::unique_ptr<KernelStep> tail, std::int64_t width)
      : product_(std::move(product)), tail_(std::move(tail)), width_(width) {}
  void run(Frame& frame) const override;
  std::string to_string() const override;
  const KernelStep* kernel() const override { return tail_.get(); }

 private:
  std::unique_ptr<Step> product_;
  std::unique_ptr<KernelStep> tail_;
  std::int64_t width_;
};

/// Runs the updates of an optimizer as one: a single loop over the elements of all variables.
class UpdatesStep final : public Step {
 public:
  explicit UpdatesStep(std::vector<std::unique_ptr<Step>> updates);
  void run(Frame& frame) const override;
  std::string to_string() const override;

 private:
  std::vector<std::unique_ptr<Step>> updates_;
};

/// A draw from a shared stream takes the next part of it, as it would eagerly.
void draw_anew(const Op& op, std::vector<Attribute>& attributes);

}  // namespace keen::detail
