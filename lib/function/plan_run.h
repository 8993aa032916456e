// PlanRun: a plan run again and again over memory of the caller's, as loops and branches do with their parts.
#pragma once
#include <span>
#include <vector>

#include "function/plan.h"

namespace keen::detail {

/// Holds one frame of the plan while it lives; runs allocate nothing. For plans that `takes_addresses()`.
class PlanRun {
 public:
  explicit PlanRun(const Plan& plan);
  ~PlanRun();
  PlanRun(const PlanRun&) = delete;
  PlanRun& operator=(const PlanRun&) = delete;

  /// Where argument i lies, in the shape and strides that the plan was made for, in the runs to come.
  void argument(std::size_t i, char* address) noexcept;
  /// Runs the steps; result i goes, row by row, to results[i]. That may be the place of argument j only if result i is
  /// argument j, or overwrites it (Plan::overwrites).
  void run(std::span<char* const> results);

 private:
  void copy_result(std::size_t i, char* to);

  const Plan& plan_;
  std::unique_ptr<Frame> frame_;
};

}  // namespace keen::detail
