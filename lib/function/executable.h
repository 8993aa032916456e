// Executable: a traced graph, optimised, fused and planned when it first runs, and run from then on.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "function/passes/passes.h"
#include "function/plan.h"
#include "function/recent.h"
#include "function/recorded_call.h"
#include "function/replay.h"

namespace keen::detail {

/// May be called from several threads at once.
class Executable {
 public:
  explicit Executable(std::shared_ptr<const Graph> traced);
  ~Executable();

  /// The results for one tensor an input, whose forms the caller has checked. Sizes that one symbol stands for must agree,
  /// else it is a ShapeError. Tapes of this thread record it as one operation with a compiled gradient, where that can be,
  /// else as the graph's operations. A run that fails leaves variables and generators as they were.
  std::vector<Tensor> run(std::span<const Tensor> arguments) const;

  /// The plan for arguments of these shapes and strides, where one plan is all: null if the graph has none, or is run in
  /// stretches because some sizes are known only on the way.
  std::shared_ptr<const Plan> plan(const std::vector<Shape>& shapes, const std::vector<Shape>& strides) const;

  /// What the passes did, and the steps of the plans made so far, with their times if functions were timed. Without
  /// unknown sizes a plan is made for this if there is none.
  std::string explain() const;
  /// The LLVM IR of the kernels of the plan used last.
  std::vector<std::string> kernel_ir() const;

  const Graph& traced() const noexcept { return *traced_; }
  /// The graph after the passes.
  const Graph& optimised() const;

 private:
  // The plan, and what runs on its results when some sizes are known only then.
  struct Code {
    std::shared_ptr<const Plan> plan;
    std::shared_ptr<const Executable> rest;
  };
  // Sizes and layouts of the arguments.
  struct Layouts {
    std::vector<Shape> shapes, strides;
    bool operator==(const Layouts&) const = default;
  };
  static constexpr std::size_t most_plans = 8;
  void prepare() const;
  std::vector<Tensor> run_writing(std::span<const Tensor> arguments) const;
  std::vector<Tensor> run_unguarded(std::span<const Tensor> arguments) const;
  std::vector<Tensor> run_recorded(std::span<const Tensor> arguments) const;
  std::shared_ptr<const CallGradient> find_gradient(std::span<const Tensor> arguments) const;
  Code find_code(std::span<const Tensor> arguments) const;
  Code find_code(Layouts layouts) const;
  Code make_code(const Layouts& layouts) const;
  std::vector<Code> codes() const;

  // Calls that are recorded: the shapes of the arguments, and the constants that some tape follows.
  struct Recording {
    std::vector<Shape> shapes;
    std::vector<bool> followed;
    bool operator==(const Recording&) const = default;
  };
  Recording recording_of(std::span<const Tensor> arguments) const;

  std::shared_ptr<const Graph> traced_;
  Replay replay_;
  const std::vector<Tensor> captured_;  // constants that may have a gradient: tensors of the user's from outside
  // Some writes lie inside branches and loops, where a failure may come after the first one; are there writes at all?
  const bool writes_inside_, writes_;
  const bool draws_;  // from shared streams
  mutable std::once_flag prepared_;
  mutable std::shared_ptr<Graph> optimised_;
  mutable std::vector<PassReport> reports_;

  // The plan for contiguous arguments of a graph without symbols: there is one, and it stays (`kept_` owns it), so that
  // it is found without a lock.
  mutable std::atomic<const Plan*> only_{nullptr};
  mutable std::mutex mutex_, gradient_mutex_;
  mutable Recent<Layouts, Code, most_plans> plans_;
  mutable std::shared_ptr<const Plan> kept_;
  mutable bool has_no_plan_ = false, has_no_gradient_ = false;
  mutable Recent<Recording, std::shared_ptr<const CallGradient>, most_plans> gradients_;
};

}  // namespace keen::detail
