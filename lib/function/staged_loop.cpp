#include "function/staged_loop.h"

#include "core/message.h"
#include "function/deferred.h"

namespace keen::detail {

std::string in_words(const Leaves& tensors) {
  std::string out;
  for (const Tensor& t : tensors)
    out += (out.empty() ? "" : ", ") + (t.defined() ? TensorSpec(t.shape(), t.dtype()).to_string() : "undefined");
  return '(' + out + ')';
}

StagedLoop::StagedLoop(Tracer& outer, Leaves carried, const std::vector<keen::Shape>& invariants, Leaves scanned)
    : outer_(outer), carried_(std::move(carried)), scanned_(std::move(scanned)), body_(outer) {
  if (!invariants.empty() && invariants.size() != carried_.size())
    fail<UsageError>("while_loop", invariants.size(), " shape_invariants for ", carried_.size(), " tensors");
  for (std::size_t i = 0; i < carried_.size(); ++i) {
    const Tensor& tensor = carried_[i];
    if (!tensor.defined()) fail<UsageError>("while_loop", "tensor ", i, " of the state is undefined");
    if (is_deferred(tensor)) {
      found_.push_back(defer(body_.tracer(), tensor.dtype(), tensor.shape(), Deferred::input));
      continue;
    }
    ResultSpec spec = spec_of(tensor);
    if (!invariants.empty()) {
      if (!fits(spec.shape, invariants[i]))
        fail<ShapeError>(
            "while_loop", "tensor ", i, " of shape ", spec.shape, " does not fit its shape invariant ", invariants[i]);
      spec.shape = invariants[i];
    }
    found_.push_back(body_.input(spec, tensor.device()));
  }
  for (const Tensor& tensor : scanned_) {
    ResultSpec spec = spec_of(tensor);
    spec.shape.erase(0);
    found_.push_back(body_.input(spec, tensor.device()));
  }
}

Leaves StagedLoop::open() {
  body_.begin();
  return found_;
}

void StagedLoop::check_turn(const Leaves& results) const {
  for (std::size_t i = 0; i < carried_.size(); ++i) {
    const Tensor &before = found_[i], &after = results[i];
    bool fine = after.defined() && before.dtype() == after.dtype() && before.rank() == after.rank();
    for (int axis = 0; fine && axis < before.rank(); ++axis)
      fine = before.shape().raw(axis) < 0 || before.shape().raw(axis) == after.shape().raw(axis);
    if (fine) continue;
    const Leaves was(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(carried_.size()));
    const Leaves is(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carried_.size()));
    fail<ShapeError>(
        "while_loop", "a turn finds ", in_words(was), " and leaves ", in_words(is),
        ": the state keeps its dtypes and shapes; sizes that change are declared unknown by shape_invariants");
  }
}

void StagedLoop::close(const Leaves& results) {
  check_turn(results);
  Leaves kept;
  std::vector<int> given;
  for (std::size_t i = 0; i < results.size(); ++i) {
    // An array that nothing was written to is none of the loop's.
    if (i < carried_.size() && is_deferred(found_[i]) && is_deferred(results[i])) continue;
    if (i < carried_.size()) {
      staged_.push_back(i);
      given.push_back(found_[i].impl()->extra->link.value);
      if (is_deferred(carried_[i])) {
        Shape element = results[i].shape();
        element.erase(0);
        settle(outer_, carried_[i], element);
      }
    }
    kept.push_back(results[i]);
  }
  for (std::size_t i = carried_.size(); i < found_.size(); ++i) given.push_back(found_[i].impl()->extra->link.value);
  body_.finish(kept);
  // Deferred inputs came late: the given ones stand before the captures again.
  Graph& graph = *body_.graph();
  for (int value : given) std::erase(graph.inputs, value);
  graph.inputs.insert(graph.inputs.begin(), given.begin(), given.end());
}

Leaves StagedLoop::read_by_rows() const {
  const Graph& body = *body_.graph();
  std::vector<std::size_t> seeded;
  for (std::size_t i = 0; i < body.results.size(); ++i)
    if (is_differentiable(body, body.results[i])) seeded.push_back(i);
  const Split parts = split(outer_, body, std::vector<bool>(body.inputs.size(), true), seeded);
  const GradientsOfPart gradients(parts.backward->results, body.inputs.size());
  const Leaves& captures = body_.tracer().captures();
  Leaves out;
  for (std::size_t i = 0; i < captures.size(); ++i)
    if (gradients.is_sparse(body.inputs.size() - captures.size() + i)) out.push_back(captures[i]);
  return out;
}

Leaves StagedLoop::stage(const std::function<Tensor(const Leaves&)>& condition, const Shape& length, bool reverse) {
  Loop loop;
  loop.body = body_.graph();
  loop.carried = staged_.size();
  loop.scanned = scanned_.size();
  loop.reverse = reverse;
  loop.length = length;
  const Leaves results = stage_with(loop, condition);
  Leaves all = carried_;
  for (std::size_t k = 0; k < staged_.size(); ++k) all[staged_[k]] = results[k];
  all.insert(all.end(), results.begin() + static_cast<std::ptrdiff_t>(staged_.size()), results.end());
  return all;
}

Leaves StagedLoop::stage_with(Loop loop, const std::function<Tensor(const Leaves&)>& condition) {
  PartTracer test(outer_);
  std::vector<PartInputs> parts{{&body_, loop.carried + loop.scanned}};
  std::vector<std::shared_ptr<void>> writes;
  collect_writes(*loop.body, writes);
  if (condition) {
    Leaves found = carried_;
    for (std::size_t i : staged_) found[i] = test.input(spec_of(found_[i]), found_[i].device());
    test.begin();
    const Tensor truth = condition(found);
    if (truth.dtype() != DType::bool_ || truth.size() != 1)
      fail<UsageError>("while_loop", "the condition gives ", in_words({truth}), ": one bool is wanted");
    test.finish({&truth, 1});
    loop.condition = test.graph();
    parts.push_back({&test, loop.carried});
    collect_writes(*loop.condition, writes);
    test.tracer().read_here(writes);
  }
  body_.tracer().read_here(writes);
  const Leaves captures = align_captures(parts);
  Leaves operands;
  for (std::size_t i : staged_) operands.push_back(carried_[i]);
  operands.insert(operands.end(), scanned_.begin(), scanned_.end());
  operands.insert(operands.end(), captures.begin(), captures.end());
  return stage_loop(outer_, loop, operands);
}

}  // namespace keen::detail
