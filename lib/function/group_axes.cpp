#include "function/group_axes.h"

#include <algorithm>

#include "ops/helpers.h"

namespace keen::detail {
namespace {

/// Are the axes, in order, just those of the space that are wanted?
template <class Wanted>
bool covers(const Group& group, const Shape& axes, Wanted&& wanted) {
  int next = 0;
  const auto skip = [&] {
    while (next < group.space.rank() && !wanted(group.reduced[at(next)])) ++next;
  };
  for (auto axis : axes) {
    if (axis < 0) continue;
    skip();
    if (axis != next++) return false;
  }
  skip();
  return next == group.space.rank();
}

}  // namespace

Shape without_ones(const Shape& shape) {
  Shape out;
  for (auto dim : shape)
    if (dim != 1) out.push_back(dim);
  return out;
}

std::optional<Shape> whole_axes(const Group& group, const Shape& shape) {
  if (without_ones(shape) != group.space) return {};
  Shape axes;
  int next = 0;
  for (auto dim : shape) axes.push_back(dim == 1 ? -1 : next++);
  return axes;
}

bool is_whole(const Group& group, const Shape& axes) {
  return covers(group, axes, [](bool) { return true; });
}

bool is_kept(const Group& group, const Shape& axes) {
  return group.kind != Group::Kind::elementwise && covers(group, axes, [](bool reduced) { return !reduced; });
}

Shape kept_space(const Group& group) {
  Shape out;
  for (int axis = 0; axis < group.space.rank(); ++axis)
    if (!group.reduced[at(axis)]) out.push_back(group.space[axis]);
  return out;
}

Shape axes_of_kept(const Group& group, const Shape& axes) {
  Shape kept, out;
  for (int axis = 0; axis < group.space.rank(); ++axis)
    if (!group.reduced[at(axis)]) kept.push_back(axis);
  for (auto axis : axes) out.push_back(axis < 0 ? -1 : kept[static_cast<int>(axis)]);
  return out;
}

std::optional<Shape> reshaped_axes(const Shape& axes, const Shape& from, const Shape& to) {
  if (without_ones(from) != without_ones(to)) return {};
  Shape kept, out;
  for (auto axis : axes)
    if (axis >= 0) kept.push_back(axis);
  int next = 0;
  for (auto dim : to) out.push_back(dim == 1 ? -1 : kept[next++]);
  return out;
}

std::vector<bool> reduced_axes(const Group& group, const Shape& operand, const Node& reduction) {
  std::vector<bool> reduced(at(group.space.rank()));
  for (auto axis : ints(reduction.attributes[0]))
    if (const auto in_space = operand[static_cast<int>(axis)]; in_space >= 0)
      reduced[at(static_cast<int>(in_space))] = true;
  return reduced;
}

Shape result_axes(const Shape& operand, const Node& reduction) {
  const Shape& gone = ints(reduction.attributes[0]);
  Shape out;
  for (int k = 0; k < operand.rank(); ++k) {
    const bool is_gone = std::find(gone.begin(), gone.end(), k) != gone.end();
    if (!is_gone) out.push_back(operand[k]);
    else if (boolean(reduction.attributes[1])) out.push_back(-1);
  }
  return out;
}

}  // namespace keen::detail
