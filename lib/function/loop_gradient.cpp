// The gradient of a loop: what is asked for, and what the loop back finds and gives.
#include "function/loop_gradient.h"

#include <algorithm>

#include "keen/creation.h"

namespace keen::detail {

LoopGradient::LoopGradient(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first)
    : g_(g), staged_(staged), first_(first), place_(find_node(*staged)) {
  meet_outputs(staged_, place_);
  body_ = &resource<Part>(place_.node().attributes[1]).graph();
  form_ = loop_form(place_.node().attributes);
  carried_ = form_.carried;
  scanned_ = form_.scanned;
  inputs_ = body_->inputs.size();
}

void LoopGradient::run() {
  ask();
  std::vector<bool> wanted(inputs_);
  for (std::size_t i = 0; i < carried_; ++i) wanted[i] = true;  // each turn may depend on what is asked for
  for (std::size_t i : asked_slices_) wanted[i] = true;
  for (std::size_t i : asked_rest_) wanted[i] = true;
  std::vector<std::size_t> seeded = seeded_carried_;
  seeded.insert(seeded.end(), seeded_stacks_.begin(), seeded_stacks_.end());
  parts_ = split(*current_tracer(), *body_, wanted, seeded);
  find_sparse();
  keep();
  const Loop backward = backward_loop();
  give(stage_loop(*current_tracer(), backward, operands()));
}

void LoopGradient::ask() {
  for (std::size_t i = carried_; i < inputs_; ++i)
    if (g_.wants(static_cast<int>(i))) (i < carried_ + scanned_ ? asked_slices_ : asked_rest_).push_back(i);
  for (std::size_t i = 0; i < carried_; ++i)
    if (is_differentiable(*body_, body_->results[i])) seeded_carried_.push_back(i);
  for (std::size_t i = std::max(first_, carried_); i < first_ + static_cast<std::size_t>(g_.outputs()); ++i)
    if (is_trainable(staged_->outputs[i].dtype()) && g_.has_dy(static_cast<int>(i - first_)))
      seeded_stacks_.push_back(i);
}

void LoopGradient::find_sparse() {
  const Graph& body = *parts_.backward;
  const GradientsOfPart gradients(body.results, inputs_);
  const auto first = body_->inputs.begin() + static_cast<std::ptrdiff_t>(carried_);
  const auto is_equal_in_turns = [&](int value) {
    const std::int64_t rows = body.values[at(value)].shape[0];
    const auto has = [&](int input) {
      const Shape& shape = body.values[at(input)].shape;
      return std::find(shape.begin(), shape.end(), rows) != shape.end();
    };
    return rows >= 0 ||
           (std::none_of(body_->inputs.begin(), first, has) && std::any_of(first, body_->inputs.end(), has));
  };
  std::erase_if(asked_rest_, [&](std::size_t i) {
    if (!gradients.is_sparse(i)) return false;
    const bool stacks = is_equal_in_turns(gradients.values(i)) && is_equal_in_turns(gradients.indices(i));
    (stacks ? stacked_rows_ : joined_rows_).push_back(i);
    return true;
  });
}

std::vector<Tensor> LoopGradient::operands() const {
  std::vector<Tensor> out;
  for (std::size_t i : seeded_carried_) {
    if (i >= first_ && first_ < carried_) out.push_back(g_.dy(static_cast<int>(i - first_)));
    else out.push_back(zeros_like(staged_->outputs[i]));
  }
  for (std::size_t i : asked_rest_) out.push_back(zeros_like(staged_->operands[i]));
  for (std::size_t i : joined_rows_) {
    out.push_back(zeros(rows_like(i, 0), {.dtype = staged_->operands[i].dtype()}));
    out.push_back(zeros({0}, {.dtype = DType::int64}));
  }
  for (std::size_t at : kept_at_) out.push_back(staged_->outputs[at]);
  for (std::size_t i : seeded_stacks_) out.push_back(g_.dy(static_cast<int>(i - first_)));
  const auto begin = staged_->operands.begin();
  const auto rest = begin + static_cast<std::ptrdiff_t>(carried_ + scanned_);
  out.insert(out.end(), begin + static_cast<std::ptrdiff_t>(carried_), rest);
  for (const auto& [scan, sizes] : packed_scans()) out.push_back(staged_->outputs[sizes]);
  out.insert(out.end(), rest, staged_->operands.end());
  return out;
}

void LoopGradient::give(const std::vector<Tensor>& gradients) {
  auto next = gradients.begin();
  const auto give_dense = [&](std::size_t i) { g_.set(static_cast<int>(i), *next++); };
  const auto give_rows = [&](std::size_t i) {
    const Tensor values = reshape(*next++, rows_like(i, unknown));  // stacked: (turns, n, …) → (turns · n, …)
    g_.set(static_cast<int>(i), make_sparse(staged_->operands[i].shape(), values, flatten(*next++)));
  };
  for (std::size_t i : seeded_carried_) give_dense(i);
  for (std::size_t i : asked_rest_) give_dense(i);
  for (std::size_t i : joined_rows_) give_rows(i);
  for (std::size_t i : asked_slices_) give_dense(i);
  for (std::size_t i : stacked_rows_) give_rows(i);
}

Shape LoopGradient::rows_like(std::size_t i, std::int64_t count) const {
  Shape shape = staged_->operands[i].shape();
  shape[0] = count;
  return shape;
}

void differentiate_loop(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first) {
  if (find_node(*staged).tracer) LoopGradient(g, staged, first).run();
  else differentiate_again(g, *staged, first);
}

}  // namespace keen::detail
