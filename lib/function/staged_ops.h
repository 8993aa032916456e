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
///
/// Results of a size that differs from turn to turn are packed, one behind another along one axis, where another result
/// stacks their sizes (int64, one an axis); turns of another loop find them again, one a turn, in what they scan.
extern const Op loop_op, loop_with_effects_op;
struct Loop {
  std::shared_ptr<Graph> condition, body;  // the condition may be null
  std::size_t carried = 0, scanned = 0;
  bool reverse = false;  // slices from the last to the first, and results stacked so
  Shape length;
  Shape packed, unpacked;  // of the body's results and inputs: the place of the packed one, of its sizes, and so on
};
/// A loop of these attributes, less its parts.
Loop loop_form(std::span<const Attribute> attributes);
/// The place of the sizes of what is packed in a place; -1 if nothing is.
std::int64_t sizes_of_packed(const Shape& pairs, std::size_t place) noexcept;
/// carried results, then stacked ones.
std::vector<Tensor> stage_loop(Tracer& tracer, const Loop& loop, const std::vector<Tensor>& operands);

/// Throws ShapeError for scanned tensors of different numbers of slices.
void check_slices(std::int64_t first, std::int64_t other);

bool is_branch(const Op& op) noexcept;
/// The parts that a node holds.
std::vector<const Part*> parts_of(const Node& node);

}  // namespace keen::detail
