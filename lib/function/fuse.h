// Which nodes of a graph run together as one kernel.
#pragma once
#include <span>
#include <vector>

#include "function/layout.h"

namespace keen::detail {

/// Nodes that run as one kernel over a space of axes, none of size 1, of which some may be reduced. A value of a group
/// spreads over all of the axes, or over those that are not reduced.
struct Group {
  enum class Kind : unsigned char {
    elementwise,
    rows,     // the reduced axes are the last ones
    columns,  // they are not: results are gathered from many places
  };
  Kind kind = Kind::elementwise;
  Shape space;
  std::vector<bool> reduced;  // an axis
  std::vector<int> nodes;     // in the graph's order; the group runs where the last of them stands
  int work = 0;               // nodes that compute: not views
  int streams = 0;            // values that it takes from outside, and gives
};

struct Fusion {
  std::vector<Group> groups;
  std::vector<int> group_of;  // a node's group, or -1
  // Of a value inside a group: the axis of the space that each of its own axes is, -1 for one of size 1.
  std::vector<Shape> axes_of;
};

// Tensors that a kernel may read and write. Beyond them the compiler's time grows with their square (500 take 2 s), and the
// kernel loses: 256 of 100,000 elements each take 1.3 to 2.5 times as long.
inline constexpr int most_streams = 64;

/// What the node computes element by element; reductions and views are none.
bool is_pointwise(const Graph& graph, const Node& node);
/// The function that joins elements when the node is a reduction that kernels can do; else none.
scalar::Function joins(const Graph& graph, const Node& node);

/// Groups the nodes of a graph without symbols. Every group can run where its last node stands, for nothing outside
/// needs its values before.
Fusion fuse(const Graph& graph, std::span<const Layout> layouts);

}  // namespace keen::detail
