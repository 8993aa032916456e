// Runs a graph node by node through dispatch, so that tapes record what happens.
#pragma once
#include "function/graph.h"

namespace keen::detail {

/// A graph made ready to run: which values are needed last where, which attributes hold symbols.
class Replay {
 public:
  explicit Replay(const Graph& graph);
  /// The results for one tensor an input, whose forms the caller has checked. Sizes that one symbol stands for must
  /// agree, else it is a ShapeError.
  std::vector<Tensor> run(std::span<const Tensor> arguments) const;

 private:
  const Graph& graph_;
  std::vector<std::vector<bool>> last_use_;  // a node: of each of its inputs
  std::vector<bool> rewrites_attributes_;    // a node
};

}  // namespace keen::detail
