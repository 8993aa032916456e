// Plan: a graph of known sizes as a flat list of steps over buffers that were placed beforehand.
#pragma once
#include <atomic>
#include <mutex>

#include "function/fuse.h"
#include "function/step_times.h"
#include "function/steps.h"

namespace keen::detail {

/// May run in several threads at once: each call takes a frame of its own.
class Plan {
 public:
  struct Options {
    bool fuse = true;
  };
  /// For arguments of these strides. Compiles the kernels. Throws UsageError for a graph that has no plan: one with values
  /// on other devices, or with operations that have no kernel.
  Plan(std::shared_ptr<const Graph> graph, std::span<const Shape> argument_strides, Options options);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  std::vector<Tensor> run(std::span<const Tensor> arguments) const;

  const Graph& graph() const noexcept { return *graph_; }
  std::span<const std::unique_ptr<Step>> steps() const noexcept { return steps_; }
  std::size_t arena_bytes() const noexcept { return arena_bytes_; }
  /// The steps that are fused kernels, those of branches and loops included.
  std::vector<const KernelStep*> kernel_steps() const;
  int kernels() const { return static_cast<int>(kernel_steps().size()); }
  /// Can it run over memory of the caller's (PlanRun)? Then all sizes are known beforehand.
  bool takes_addresses() const noexcept { return takes_addresses_; }
  /// The argument whose place result i may take over while the plan runs; -1 for none.
  int overwrites(std::size_t result) const noexcept { return results_[result].overwrites; }
  /// The same, measuring each step.
  std::vector<Tensor> run_timed(std::span<const Tensor> arguments) const;
  /// Mean seconds of each step in timed runs; empty before the first.
  std::vector<double> step_seconds() const { return times_.mean(); }

 private:
  friend class PlanBuilder;
  friend class PlanRun;
  friend class TensorStep;
  // A result in the making: a fresh tensor a call.
  struct FreshRoot {
    int slot;
    DType dtype;
    Shape shape, strides;
    std::int64_t size;
    int result = -1;  // that it is as a whole; the first of them
  };
  // A value as a tensor.
  struct Source {
    enum class From : unsigned char { nowhere, argument, constant, slot };
    From from = From::nowhere;
    int index = -1;  // of the argument, the constant or the slot
    bool is_view = false;
    bool takes = false;  // nothing else needs what the slot holds
    DType dtype = DType::bool_;
    Shape shape, strides;
    std::int64_t offset = 0;  // of a view, in elements
  };
  struct Result : Source {
    // For runs over memory of the caller's.
    Address address;
    bool is_dense = true;  // row-major without gaps
    std::size_t bytes = 0;
    int overwrites = -1;
  };
  // Headers of an operation's operands, which each frame copies.
  struct OpTemplate {
    struct Header {
      DType dtype;
      Shape shape, strides;
      bool is_fresh = false;  // no header: the result itself
    };
    std::vector<Header> inputs, outputs;
    std::vector<Attribute> attributes;
  };

  std::unique_ptr<Frame> make_frame() const;
  std::unique_ptr<Frame> take_frame() const;
  void give_back(std::unique_ptr<Frame> frame) const noexcept;
  void begin(Frame& frame, std::span<const Tensor> arguments) const;
  std::vector<Tensor> finish(Frame& frame) const;
  Tensor tensor(const Source& source, Frame& frame) const;
  template <class RunStep>
  std::vector<Tensor> walk(Frame& frame, std::span<const Tensor> arguments, RunStep&& run_step) const;

  std::shared_ptr<const Graph> graph_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<OpStep*> op_steps_;  // the first of each template
  std::vector<OpTemplate> op_templates_;
  std::vector<int> argument_slots_;                        // -1 for one that nothing reads
  std::vector<std::pair<int, char*>> constants_;           // slots and addresses
  std::vector<std::pair<int, std::int64_t>> temporaries_;  // slots and offsets
  std::vector<FreshRoot> fresh_;
  std::vector<Result> results_;
  std::size_t first_write_ = 0;                          // the steps from here on do nothing but write variables:
  std::vector<std::shared_ptr<VariableState>> written_;  // these, if they are more than one step
  int slots_ = 0;
  bool takes_addresses_ = true;
  std::size_t arena_bytes_ = 0, most_operands_ = 0;

  mutable std::atomic<Frame*> spare_{nullptr};
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Frame>> idle_;
  mutable StepTimes times_;
};

}  // namespace keen::detail
