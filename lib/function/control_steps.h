// The steps of a plan that are branches and loops: each runs plans of its parts, made for the sizes at hand.
#pragma once
#include "function/plan.h"
#include "function/staged_ops.h"

namespace keen::detail {

/// What is known of an operand of a branch or loop.
struct OperandForm {
  DType dtype;
  Shape shape, strides;
};

/// Runs one of several plans, chosen by an index.
class BranchStep final : public Step {
 public:
  /// Null when a part has no plan that takes addresses, or gives results of other sizes than `results`.
  static std::unique_ptr<BranchStep> make(
      const Node& node, std::span<const OperandForm> operands, std::span<const Shape> results);
  void place(std::vector<Address> operands, std::vector<Address> results);
  void run(Frame& frame) const override;
  std::string to_string() const override;
  std::vector<const Plan*> parts() const override;

 private:
  std::vector<std::shared_ptr<const Plan>> branches_;
  DType index_type_ = DType::bool_;
  std::vector<Address> operands_, results_;
};

/// Runs the plan of its body turn by turn. Carried tensors change between two places, or lie where the turn stacked them;
/// what is stacked is written to its place at once, and into a buffer that grows where nobody knows how often it turns.
class LoopStep final : public Step {
 public:
  /// Null when a part has no plan that takes addresses, or sizes change from turn to turn.
  static std::unique_ptr<LoopStep> make(const Node& node, std::span<const OperandForm> operands);
  /// Results that are stacked have only a slot if the number of turns is unknown: the step holds them there.
  void place(std::vector<Address> operands, std::vector<Address> results, Address scratch);
  /// Bytes that it needs beside its results while it runs.
  std::int64_t scratch_bytes() const noexcept { return scratch_bytes_; }
  std::size_t carried() const noexcept { return carried_.size(); }
  bool is_counted() const noexcept { return !condition_; }
  void run(Frame& frame) const override;
  std::string to_string() const override;
  std::vector<const Plan*> parts() const override;

 private:
  friend class LoopRun;
  struct Carried {
    OperandForm form;
    std::int64_t bytes = 0;
    std::int64_t scratch = 0;  // where its other place is
    int stacked = -1;          // the stacked result of the same value
    int found = -1;            // the stacked result of what turns find
    bool stays = false;        // turns give what they found
    bool overwrites = false;   // turns may write over what they found
  };
  struct Stacked {
    DType dtype;
    Shape row;
    std::int64_t bytes = 0;  // of a row
  };
  bool describe();

  std::shared_ptr<const Plan> condition_, body_;
  std::vector<Carried> carried_;
  std::vector<std::int64_t> scanned_;  // bytes from slice to slice
  std::vector<Stacked> stacked_;
  bool reverse_ = false;
  std::int64_t turns_ = -1;  // at most; negative: the condition ends it
  std::int64_t scratch_bytes_ = 0;
  std::vector<Address> operands_, results_;
  Address scratch_;
};

/// Runs a branch or loop of tensors: where sizes are known only as it goes.
class TensorStep final : public Step {
 public:
  TensorStep(const Plan& plan, const Node& node) : plan_(plan), node_(node) {}
  void place(std::vector<Plan::Source> operands, std::vector<int> slots);
  void run(Frame& frame) const override;
  std::string to_string() const override;

 private:
  const Plan& plan_;
  const Node& node_;
  std::vector<Plan::Source> operands_;
  std::vector<int> slots_;
};

}  // namespace keen::detail
