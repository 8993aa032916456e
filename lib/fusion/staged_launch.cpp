#include "fusion/staged_launch.h"

#include <algorithm>

#include "core/parallel.h"
#include "cpu/layout.h"
#include "fusion/arrange.h"

namespace keen::detail::fusion {
namespace {

// Bytes that a block may have, so that each stage finds in the cache what the one before has read; and the bytes of a
// space that is better left whole, its stages spread over threads.
constexpr std::int64_t block_bytes = 512 << 10, whole_bytes = 1 << 20;
constexpr std::size_t alignment = 64;

/// The kernel with inputs that are `broadcast` where they do not vary along what is reduced.
Kernel by_elements(const Kernel& kernel, const std::vector<bool>& reduced, std::span<const Shape> strides) {
  Axis down{1, operand_sizes(kernel)};
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (!varies(strides[i], reduced, true)) down.strides[i] = 0;
  return kernel.with_access(accesses(kernel, down));
}

/// Dense strides over the axes of a space that are wanted; 0 along others.
template <class Wanted>
Shape dense_strides(const Shape& space, Wanted&& wanted) {
  Shape out = Shape::filled(space.rank(), 0);
  std::int64_t next = 1;
  for (int axis = space.rank(); axis-- > 0;) {
    if (!wanted(axis)) continue;
    out[axis] = next;
    next *= space[axis];
  }
  return out;
}

Shape without(const Shape& dims, const std::vector<bool>& gone) {
  Shape out;
  for (int axis = 0; axis < dims.rank(); ++axis)
    if (!gone[static_cast<std::size_t>(axis)]) out.push_back(dims[axis]);
  return out;
}

/// Bytes that a sweep reads and writes at a place of the space.
std::int64_t bytes_at_place(const Kernel& kernel, const Analysis& facts, const Stages& stages) {
  std::int64_t bytes = 0;
  const auto add = [&](DType dtype) { bytes += static_cast<std::int64_t>(size_of(dtype)); };
  for (const auto nodes : {kernel.inputs(), kernel.stores()})
    for (int node : nodes)
      if (facts.per_element[static_cast<std::size_t>(node)]) add(kernel[node].dtype);
  for (const auto& temporary : stages.temporaries)
    if (temporary.per_element && temporary.host < 0) add(temporary.dtype);
  return bytes;
}

}  // namespace

StagedLaunch::StagedLaunch(
    const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides)
    : kernel_(by_elements(kernel, reduced, strides)) {
  const Analysis facts = analyse(kernel_);
  const Stages stages = cut_into_stages(kernel_);
  const Shape block = facts.passes > 1 ? block_shape(space, reduced, bytes_at_place(kernel_, facts, stages)) : space;
  block_ = make_block(stages, block, reduced, strides);
  const auto sizes = operand_sizes(kernel);
  Shape rest = block;
  for (int axis = 0; axis < space.rank(); ++axis) {
    if (block[axis] == space[axis]) continue;
    Cut cut{(space[axis] + block[axis] - 1) / block[axis], {}};
    for (std::size_t i = 0; i < strides.size(); ++i) cut.strides.push_back(strides[i][axis] * sizes[i] * block[axis]);
    if (const auto left = space[axis] % block[axis]; left != 0) {
      uneven_ = static_cast<int>(cuts_.size());
      rest[axis] = left;
    }
    count_ *= cut.count;
    cuts_.push_back(std::move(cut));
  }
  if (uneven_ >= 0) last_ = make_block(stages, rest, reduced, strides);
}

/// Outer axes are cut first; one at most to more than a single index, so that at most one kind of block is smaller. The
/// last axis stays whole: strips of columns lose more by their short rows than they gain.
Shape StagedLaunch::block_shape(const Shape& space, const std::vector<bool>& reduced, std::int64_t bytes) const {
  if (bytes * space.num_elements() <= whole_bytes) return space;
  Shape block = space;
  for (int axis = 0; axis + 1 < space.rank(); ++axis) {
    if (reduced[static_cast<std::size_t>(axis)]) continue;
    const std::int64_t most = block_bytes / (block.num_elements() / block[axis] * bytes);
    if (most > 0) {  // blocks of about equal size
      const std::int64_t count = (block[axis] + most - 1) / most;
      block[axis] = (block[axis] + count - 1) / count;
      return block;
    }
    block[axis] = 1;
  }
  return space;
}

StagedLaunch::Block StagedLaunch::make_block(
    const Stages& stages, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides) const {
  Block out;
  std::vector<Shape> all(strides.begin(), strides.end());
  for (const auto& temporary : stages.temporaries) {
    const auto has = [&](int axis) { return temporary.per_element || !reduced[static_cast<std::size_t>(axis)]; };
    std::size_t bytes = size_of(temporary.dtype);
    for (int axis = 0; axis < space.rank(); ++axis)
      if (has(axis)) bytes *= static_cast<std::size_t>(space[axis]);
    all.push_back(dense_strides(space, has));
    const bool fits = temporary.host >= 0 && strides[static_cast<std::size_t>(temporary.host)] == all.back();
    out.temporaries.push_back({(bytes + alignment - 1) / alignment * alignment, fits ? temporary.host : -1});
  }
  for (const Stage& stage : stages.stages) {
    std::vector<Shape> of_stage;
    for (int operand : stage.operands) {
      const Shape& whole = all[static_cast<std::size_t>(operand)];
      of_stage.push_back(stage.sweeps ? whole : without(whole, reduced));
    }
    const Shape over = stage.sweeps ? space : without(space, reduced);
    const bool gathers = analyse(stage.kernel).has_reduction;
    const std::vector<bool> gathered = gathers ? reduced : std::vector<bool>(static_cast<std::size_t>(over.rank()));
    const auto arranged = arrange(stage.kernel, over, gathered, of_stage);
    if (arranged.by_columns)
      out.steps.push_back(
          {ColumnReduction(stage.kernel, arranged.space, arranged.reduced, arranged.strides), stage.operands});
    else
      out.steps.push_back({Launch(stage.kernel, arranged.space, arranged.reduced, arranged.strides), stage.operands});
  }
  return out;
}

void StagedLaunch::run_block(const Block& block, std::span<void* const> addresses) const {
  // An output that has taken over an input's memory hosts nothing, for stages still read the input.
  const auto inputs = addresses.first(kernel_.inputs().size());
  std::vector<void*> all(addresses.begin(), addresses.end());
  std::size_t bytes = 0;
  for (const auto& [size, host] : block.temporaries) {
    void* const memory = host < 0 ? nullptr : addresses[static_cast<std::size_t>(host)];
    const bool is_free = memory && std::find(inputs.begin(), inputs.end(), memory) == inputs.end();
    all.push_back(is_free ? memory : nullptr);
    if (!is_free) bytes += size;
  }
  const cpu::Scratch scratch(bytes);
  char* next = scratch.data();
  for (std::size_t k = 0; k < block.temporaries.size(); ++k) {
    if (all[addresses.size() + k]) continue;
    all[addresses.size() + k] = next;
    next += block.temporaries[k].bytes;
  }
  std::vector<void*> of_step;
  for (const Step& step : block.steps) {
    of_step.clear();
    for (int operand : step.operands) of_step.push_back(all[static_cast<std::size_t>(operand)]);
    std::visit([&](const auto& code) { code.run(of_step); }, step.code);
  }
}

void StagedLaunch::run_blocks(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const {
  std::vector<void*> placed(addresses.size());
  for (std::int64_t i = begin; i < end; ++i) {
    std::copy(addresses.begin(), addresses.end(), placed.begin());
    bool is_last = false;
    std::int64_t left = i;
    for (std::size_t c = cuts_.size(); c-- > 0; left /= cuts_[c].count) {
      const std::int64_t index = left % cuts_[c].count;
      is_last = is_last || (static_cast<int>(c) == uneven_ && index + 1 == cuts_[c].count);
      for (std::size_t k = 0; k < placed.size(); ++k)
        placed[k] = static_cast<char*>(placed[k]) + index * cuts_[c].strides[k];
    }
    run_block(is_last ? last_ : block_, placed);
  }
}

void StagedLaunch::run(std::span<void* const> addresses) const {
  if (cuts_.empty()) return run_block(block_, addresses);
  parallel_for(count_, 1, [&](std::int64_t begin, std::int64_t end) { run_blocks(addresses, begin, end); });
}

std::vector<const Kernel*> StagedLaunch::codes() const {
  std::vector<const Kernel*> out;
  for (const Step& step : block_.steps) std::visit([&](const auto& code) { out.push_back(&code.kernel()); }, step.code);
  return out;
}

}  // namespace keen::detail::fusion
