// Where the elements of a graph's values lie: views have none of their own.
#pragma once
#include <span>
#include <vector>

#include "function/graph.h"

namespace keen::detail {

/// A value's elements: those of `root` from `offset` on, `strides` apart (both in elements).
struct Layout {
  int root = -1;  // a value that is no view: an argument, a constant, or what an operation computes
  std::int64_t offset = 0;
  Shape strides;
};

/// Is the node a view of its input? Then nothing runs for it.
bool is_view(const Graph& graph, std::span<const Layout> layouts, const Node& node);

/// The layout of each value of a graph without symbols, for arguments of these strides.
std::vector<Layout> lay_out(const Graph& graph, std::span<const Shape> argument_strides);

}  // namespace keen::detail
