// Lays a fused kernel over concrete shapes and strides, and runs it on the pool's threads.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/parallel.h"
#include "cpu/tail.h"
#include "fusion/across.h"
#include "fusion/jit_loader.h"
#include "fusion/kernel.h"
#include "fusion/space.h"
#include "keen/shape.h"

namespace keen::detail::fusion {

/// Operands of a call: on the stack for all but monstrous kernels.
class OperandList {
 public:
  explicit OperandList(std::size_t count) : many_(count > std::size(few_) ? count : 0) {}
  CodeOperand* data() noexcept { return many_.empty() ? few_ : many_.data(); }

 private:
  CodeOperand few_[24];
  std::vector<CodeOperand> many_;
};

/// A kernel made ready for one set of shapes and layouts; addresses come with each run, from any thread.
class Launch {
 public:
  /// Runs over `space`, whose last `reduced` axes are what reductions gather (0 for a kernel without reductions).
  /// `strides` has one entry an operand, inputs then stores, in elements, of space's rank; 0 where an operand repeats.
  /// Throws UsageError where the reduced axes are not one run of evenly spaced elements and elements wait for what is
  /// reduced.
  Launch(const Kernel& kernel, const Shape& space, int reduced, std::span<const Shape> strides);
  /// The same where `reduced` axes may stand anywhere.
  Launch(const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides);

  /// One address an operand, inputs then stores.
  void run(std::span<void* const> addresses) const;

  /// How the space may be cut in parts that are computed by themselves, in any order, where it is taken as rows of `width`
  /// elements.
  cpu::Cuts cuts(std::int64_t width) const noexcept;
  void run_part(std::span<void* const> addresses, const cpu::Part& part, std::int64_t width) const;

  /// The kernel as its code is generated.
  const Kernel& kernel() const noexcept { return kernel_; }
  std::vector<const Kernel*> codes() const { return {&kernel_}; }
  /// Loops around a row that remain after collapsing, for tests and explain.
  int outer_rank() const noexcept { return static_cast<int>(outer_.size()); }
  std::int64_t row_length() const noexcept { return row_.size; }
  bool is_split() const noexcept { return finish_ != nullptr; }

 private:
  // Elements a piece of a long row has. Pieces are cut by size alone, so sums do not depend on the number of threads.
  static constexpr std::int64_t piece = elementwise_grain;

  bool fits_register() const;
  void keep_values();
  void join_short_rows(std::span<const std::int64_t> sizes);
  void run_joined(std::span<void* const> addresses) const;
  void run_joined_part(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const;
  void place(CodeOperand* operands, std::span<void* const> addresses, std::int64_t row) const;
  void place_kept(CodeOperand* operands, std::optional<cpu::Scratch>& kept) const;
  void run_rows(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const;
  void take_across(std::span<const std::int64_t> sizes);
  void run_across(std::span<void* const> addresses) const;
  void run_blocks(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const;
  void run_pieces(std::span<void* const> addresses) const;
  struct Partials;
  void run_split(std::span<void* const> addresses) const;
  void run_partial(
      std::span<void* const> addresses, const Partials& partials, std::int64_t begin, std::int64_t end) const;
  void run_finish(
      std::span<void* const> addresses, const Partials& partials, std::int64_t begin, std::int64_t end) const;

  Kernel kernel_;
  std::vector<Axis> outer_;  // outermost first
  Axis row_;
  std::int64_t rows_ = 1;
  std::int64_t rows_in_chunk_ = 1;
  bool has_reduction_ = false;
  // Short rows that are walked as one; strides and sizes of the operands that are staged for it. The last of a run may be
  // shorter than the others.
  JoinedRows joined_;
  std::int64_t last_row_ = 0;
  std::vector<std::int64_t> staged_strides_, sizes_;
  // Inputs that are copied block by block. The rows of a block are those of the last outer axis; `is_flat_`: they follow each
  // other without gaps in all operands.
  AcrossRows across_;
  std::int64_t block_rows_ = 1, block_columns_ = 1;
  bool is_flat_ = false;
  std::shared_ptr<const CompiledKernel> code_;
  // The rows of kept values lie in one block, which each task has of its own.
  std::vector<std::int64_t> kept_offsets_;
  std::int64_t kept_bytes_ = 0;
  // A long reduction, or one over scattered runs: partial runs over pieces of these, finish over what they gave.
  std::shared_ptr<const CompiledKernel> finish_;
  SplitReduction split_;
  std::vector<Axis> runs_;  // reduced axes outside the row
  std::int64_t run_count_ = 1, pieces_in_run_ = 1;
  std::size_t inputs_ = 0;
};

}  // namespace keen::detail::fusion
