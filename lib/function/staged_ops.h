// Staged control flow: operations that hold parts of programs.
#pragma once
#include "function/part.h"

namespace keen::detail {

/// One of several parts, chosen by an index, all with the operands as inputs. Attribute: the parts.
extern const Op branch_op, branch_with_effects_op;
using Branches = std::vector<std::shared_ptr<const Part>>;
/// Puts it into the trace; tapes are told how to differentiate it.
std::vector<Tensor> stage_branch(
    Tracer& tracer, const Tensor& index, const std::vector<std::shared_ptr<Graph>>& parts,
    const std::vector<Tensor>& operands);

/// A loop. Operands: `carried` tensors that each turn replaces, `scanned` ones of which each turn sees a slice of the
/// first axis, and the rest, which every turn sees. The body takes these and gives the carried ones and any number of
/// others, which are stacked along a new first axis. It runs while the condition (on carried ones and the rest) holds,
/// and as often as there are slices, or `length` (a Shape of one size), if that is given.
extern const Op loop_op, loop_with_effects_op;
struct Loop {
  std::shared_ptr<Graph> condition, body;  // the condition may be null
  std::size_t carried = 0, scanned = 0;
  bool reverse = false;  // slices from the last to the first, and results stacked so
  Shape length;
};
/// carried results, then stacked ones.
std::vector<Tensor> stage_loop(Tracer& tracer, const Loop& loop, const std::vector<Tensor>& operands);

/// Throws ShapeError for scanned tensors of different numbers of slices.
void check_slices(std::int64_t first, std::int64_t other);

bool is_branch(const Op& op) noexcept;
/// The parts that a node holds.
std::vector<const Part*> parts_of(const Node& node);

}  // namespace keen::detail
