// How the axes of a value lie in the space of a group of nodes.
#pragma once
#include <optional>
#include <vector>

#include "function/fuse.h"

namespace keen::detail {

// The axes of a value are, for each of its own, the axis of the group's space, or -1 for one of size 1.

Shape without_ones(const Shape& shape);
/// The axes of a value of this shape that spreads over the whole space; none if it does not.
std::optional<Shape> whole_axes(const Group& group, const Shape& shape);
/// Do they spread over the whole space?
bool is_whole(const Group& group, const Shape& axes);
/// Over all that the group does not reduce?
bool is_kept(const Group& group, const Shape& axes);
/// The space of what is not reduced, and axes in that as axes of the whole.
Shape kept_space(const Group& group);
Shape axes_of_kept(const Group& group, const Shape& axes);
/// After a reshape; none unless that only adds or drops axes of size 1.
std::optional<Shape> reshaped_axes(const Shape& axes, const Shape& from, const Shape& to);
/// Which axes of the space a reduction of a value with these axes joins.
std::vector<bool> reduced_axes(const Group& group, const Shape& operand, const Node& reduction);
/// The axes of what the reduction gives.
Shape result_axes(const Shape& operand, const Node& reduction);

}  // namespace keen::detail
