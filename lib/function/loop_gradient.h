// LoopGradient: one differentiation of a loop, on its way. With turn t: (cₜ₊₁, yₜ) = body(cₜ, xₜ, w), the gradient runs
// the turns backwards: (dcₜ, dxₜ, dwₜ) = bodyᵀ(dcₜ₊₁, dyₜ), dw = Σ dwₜ. What bodyᵀ needs of a turn the forward loop stacks,
// or packs, where it has another size in each.
#pragma once
#include <utility>

#include "function/loop.h"
#include "keen/ops/shape.h"

namespace keen::detail {

class LoopGradient {
 public:
  LoopGradient(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first);
  void run();

 private:
  struct Back;
  /// Which gradients are asked for, and which results have one.
  void ask();
  /// Gradients of what every turn sees are summed up as the turns go. Sparse ones stay sparse: they are stacked, where all
  /// turns name equally many rows, and else joined turn by turn.
  void find_sparse();
  std::vector<Tensor> operands() const;
  void give(const std::vector<Tensor>& gradients);
  /// The shape of `count` rows of operand i.
  Shape rows_like(std::size_t i, std::int64_t count) const;

  // What the forward loop keeps.
  /// Has the forward loop stack what the turns back need: values of the body, and carried tensors as a turn found them.
  void keep();
  /// May a value have another size in another turn?
  bool changes_size(const Graph& body, int value) const;
  /// Packs the forward body's last result: its sizes become one more.
  void pack_last();
  /// Does the way back name a size that carried tensor i has, and nothing else that it sees?
  bool tells_a_size(std::size_t i, const std::vector<int>& kept) const;
  Loop forward_loop() const;

  // The loop back.
  Loop backward_loop() const;
  /// Carried: d of the carried tensors, sums of d of the rest, rows that are joined. Scanned: what was kept, d of the
  /// stacked results, the scanned tensors, sizes of what is packed among them. Then the forward loop's rest.
  void take_inputs(Back& back) const;
  void give_results(Back& back) const;
  /// What the way back scans of the loop's packed results: its place there, and the result with its sizes.
  std::vector<std::pair<std::size_t, std::size_t>> packed_scans() const;
  /// Lets the loop back, whose body has all that it scans but these sizes, unpack what is packed.
  void unpack(Loop& loop) const;

  Gradient& g_;
  const std::shared_ptr<StagedNode> staged_;
  const std::size_t first_;
  NodePlace place_;
  const Graph* body_;
  Loop form_;
  std::size_t carried_, scanned_, inputs_;
  std::vector<std::size_t> asked_slices_, asked_rest_, stacked_rows_, joined_rows_, seeded_carried_, seeded_stacks_,
      kept_carried_, kept_at_;
  bool counts_turns_ = false;
  Split parts_;
};

/// Pairs of what is packed and its sizes (Loop::packed).
void add_pair(Shape& pairs, std::size_t packed, std::size_t sizes);

}  // namespace keen::detail
