// From a group of nodes to the kernel that computes them.
#pragma once
#include <span>
#include <vector>

#include "function/fuse.h"
#include "fusion/kernel.h"

namespace keen::detail {

/// A kernel and where its operands lie, ready to be launched.
struct LoweredGroup {
  // A value that is read or written. Reads start at the value's layout.
  struct Operand {
    int value;
    Shape strides;  // over the space, in elements; 0 where it repeats
  };
  fusion::Kernel kernel;
  std::vector<Operand> inputs, outputs;
};

/// `maker` is the node that makes each value; `stored` says of each whether something outside its group needs it in
/// memory.
LoweredGroup lower(
    const Graph& graph, std::span<const Layout> layouts, std::span<const int> maker, const Fusion& fusion, int group,
    const std::vector<bool>& stored);

/// What fused code reads for a value: the value itself, or the number that fills it.
int source_of(const Graph& graph, std::span<const int> maker, int value);

}  // namespace keen::detail
