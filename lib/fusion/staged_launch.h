// Runs a fused kernel in stages, where a walk along rows cannot do it: over columns, or over axes that lie scattered.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "fusion/columns.h"
#include "fusion/launch.h"
#include "fusion/stages.h"

namespace keen::detail::fusion {

/// Made ready for one set of shapes and layouts; addresses come with each run, from any thread. A space that exceeds the
/// cache is cut along axes that are kept, if that gives blocks which fit it: all stages run over one block after the
/// other. Blocks are cut by size alone.
class StagedLaunch {
 public:
  /// As Launch; `reduced` axes may stand anywhere.
  StagedLaunch(
      const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides);

  /// One address an operand, inputs then stores.
  void run(std::span<void* const> addresses) const;
  const Kernel& kernel() const noexcept { return kernel_; }
  /// The kernels of its stages, as their code is generated.
  std::vector<const Kernel*> codes() const;
  /// How many blocks run by themselves, for tests.
  std::int64_t blocks() const noexcept { return count_; }

 private:
  struct Step {
    std::variant<Launch, ColumnReduction> code;
    std::vector<int> operands;
  };
  // The stages over a block of one shape.
  struct Block {
    struct Temporary {
      std::size_t bytes;
      int host;
    };
    std::vector<Step> steps;
    std::vector<Temporary> temporaries;
  };
  // Where a kept axis is cut.
  struct Cut {
    std::int64_t count;
    std::vector<std::int64_t> strides;  // bytes from block to block, one an operand
  };

  Shape block_shape(const Shape& space, const std::vector<bool>& reduced, std::int64_t bytes) const;
  Block make_block(
      const Stages& stages, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides) const;
  void run_block(const Block& block, std::span<void* const> addresses) const;
  void run_blocks(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const;

  Kernel kernel_;
  std::vector<Cut> cuts_;  // outermost first
  std::int64_t count_ = 1;
  int uneven_ = -1;  // the axis among the cut ones whose last blocks are smaller
  Block block_, last_;
};

}  // namespace keen::detail::fusion
