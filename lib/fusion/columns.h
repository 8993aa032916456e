// Runs a fused kernel that reduces over axes which are not the last: results are gathered over the rows.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "fusion/across.h"
#include "fusion/jit_loader.h"
#include "fusion/space.h"

namespace keen::detail::fusion {

/// Made ready for one set of shapes and layouts; addresses come with each run, from any thread. Nothing in the kernel may
/// depend on its reductions. Rows are cut into chunks by size alone, each gathers for itself, and the chunks are joined in
/// pairs: results do not depend on the number of threads.
class ColumnReduction {
 public:
  /// As Launch; `reduced` names the axes that reductions gather, of which the last of the space is none.
  ColumnReduction(
      const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides);

  /// One address an operand, inputs then stores.
  void run(std::span<void* const> addresses) const;
  /// The kernel as its code is generated.
  const Kernel& kernel() const noexcept { return kernel_; }
  std::vector<const Kernel*> codes() const { return {&kernel_}; }

 private:
  // A reduction of the kernel: a store whose operand in the code is both read and written.
  struct Gathered {
    std::size_t store;          // among the operands of the call
    std::size_t input, output;  // among those of the code
    std::int64_t size, identity;
    std::shared_ptr<const CompiledKernel> join;  // a ⊕ b, element by element
  };
  struct Task;

  void lay_out(
      const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides,
      std::span<const std::int64_t> sizes);
  void run_tasks(std::span<void* const> addresses) const;
  void run_task(const Task& task) const;
  void join_chunks(std::span<void* const> addresses, const std::vector<char*>& partials) const;
  std::int64_t offset(const std::vector<Axis>& axes, std::int64_t index, std::size_t operand) const;

  Kernel kernel_;
  std::vector<Axis> outer_, rows_;  // outermost first; rows_ are the reduced ones
  Axis row_;
  std::int64_t outer_count_ = 1, row_count_ = 1, tile_ = 1, tiles_ = 1, chunk_ = 1, chunks_ = 1;
  JoinedRows joined_;  // short rows walked as one: each result is gathered `factor` times, side by side
  std::vector<std::int64_t> staged_strides_, sizes_;
  AcrossRows across_;            // inputs that are neighbours from row to row
  std::vector<int> operand_of_;  // of each operand of the code: which of the call, or -1 - (number of the gathered)
  std::vector<Gathered> gathered_;
  std::shared_ptr<const CompiledKernel> code_;
};

}  // namespace keen::detail::fusion
