// Making plans: kernels that run on each part of a product or a convolution as soon as that is there.
#include <algorithm>
#include <utility>

#include "function/plan_builder.h"

namespace keen::detail {

/// The value that the kernel of a draft may follow part by part: made last of those that it reads first of all, as they
/// lie in memory, by operations that can wait until then; or -1. `maker` and `first_reader` are drafts, of each root.
int PlanBuilder::followed_by(std::size_t d, std::span<const int> maker, std::span<const int> first_reader) const {
  const Draft& draft = drafts_[d];
  const auto* launch = draft.group >= 0 ? std::get_if<fusion::Launch>(compiled_[at(draft.group)].code.get()) : nullptr;
  int found = -1;
  for (int r : draft.reads) {
    if (!launch || maker[at(r)] < 0 || first_reader[at(r)] != static_cast<int>(d)) continue;
    const int node = drafts_[at(maker[at(r)])].node;
    const bool is_cut = node >= 0 && graph_.nodes[at(node)].op->takes_tail && follows(draft.group, r) &&
                        launch->cuts(value(r).shape[-1]).rows > 0;
    if (is_cut && (found < 0 || maker[at(r)] > maker[at(found)])) found = r;
  }
  return found;
}

/// Does the kernel of a group meet the elements of a value one after the other as they lie in memory?
bool PlanBuilder::follows(int group, int made) const {
  const Shape& space = fusion_.groups[at(group)].space;
  if (space.num_elements() != value(made).shape.num_elements()) return false;
  const Shape dense = contiguous_strides(space);
  const auto& inputs = compiled_[at(group)].lowered.inputs;
  return std::all_of(inputs.begin(), inputs.end(), [&](const LoweredGroup::Operand& in) {
    if (root(in.value) != made) return true;
    for (int axis = 0; axis < space.rank(); ++axis)
      if (space[axis] > 1 && in.strides[axis] != dense[axis]) return false;
    return layouts_[at(in.value)].offset == 0;
  });
}

/// A kernel and the product it follows become one draft, in the kernel's place.
void PlanBuilder::join_tails() {
  std::vector<int> maker(graph_.values.size(), -1), first_reader(graph_.values.size(), -1);
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    for (int r : drafts_[d].makes) maker[at(r)] = static_cast<int>(d);
    for (int r : drafts_[d].reads)
      if (first_reader[at(r)] < 0) first_reader[at(r)] = static_cast<int>(d);
  }
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    const int followed = followed_by(d, maker, first_reader);
    if (followed < 0) continue;
    Draft &draft = drafts_[d], &product = drafts_[at(maker[at(followed)])];
    // The product reads while the kernel writes already.
    std::erase_if(draft.may_replace, [&](const auto& pair) {
      return std::find(product.reads.begin(), product.reads.end(), pair.second) != product.reads.end();
    });
    draft.product = std::exchange(product.node, -1);
    draft.reads.insert(draft.reads.end(), product.reads.begin(), product.reads.end());
    draft.makes.insert(draft.makes.begin(), product.makes.begin(), product.makes.end());
  }
  std::erase_if(drafts_, [](const Draft& draft) { return draft.node < 0 && draft.group < 0; });
}

void PlanBuilder::make_tail_step(const Draft& draft) {
  make_op_step(draft.product);
  auto product = std::move(plan_.steps_.back());
  plan_.steps_.pop_back();
  make_kernel_step(draft);
  std::unique_ptr<KernelStep> kernel(static_cast<KernelStep*>(plan_.steps_.back().release()));
  const std::int64_t width = value(graph_.nodes[at(draft.product)].outputs[0]).shape[-1];
  plan_.steps_.back() = std::make_unique<TailStep>(std::move(product), std::move(kernel), width);
}

}  // namespace keen::detail
