// Gradients of branches and loops that a decision of the host has left behind: in a segment that is compiled already, or
// before a callable went on eagerly.
#include "core/message.h"
#include "function/staged_ops.h"
#include "keen/autodiff/gradient_tape.h"

namespace keen::detail {

void differentiate_again(Gradient& g, const StagedNode& staged, std::size_t first) {
  if (staged.op->effect)
    fail<UsageError>(
        is_branch(*staged.op) ? "cond" : "while_loop",
        "its gradient is asked for behind a decision of the host, where it would be run again, and with it its draws "
        "and writes to variables: ask before the decision, or decide with cond and while_loop");
  GradientTape tape({.watch_accessed_variables = false});
  std::vector<Source> sources(staged.operands.begin(), staged.operands.end());
  for (const Tensor& t : staged.operands)
    if (is_trainable(t.dtype())) tape.watch(t);
  std::vector<Operand> operands(staged.operands.begin(), staged.operands.end());
  std::vector<Tensor> outputs(staged.outputs.size()), targets, seeds;
  dispatch(*staged.op, operands, staged.attributes, outputs);
  for (int i = 0; i < g.outputs(); ++i) {
    const Tensor& output = outputs[first + at(i)];
    if (!g.has_dy(i) || !is_trainable(output.dtype())) continue;
    targets.push_back(output);
    seeds.push_back(g.dy(i));
  }
  const auto gradients = tape.gradient(targets, sources, {.output_gradients = seeds});
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    bool counted = false;  // a tensor that is there twice is one source
    for (std::size_t k = 0; k < i; ++k) counted = counted || staged.operands[k].impl() == staged.operands[i].impl();
    const int input = static_cast<int>(i);
    if (!counted && g.wants(input) && gradients[i].defined()) g.set(input, gradients[i]);
  }
}

}  // namespace keen::detail
