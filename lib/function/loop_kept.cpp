// The gradient of a loop, first half: what the loop keeps of its turns for the way back.
#include <algorithm>
#include <unordered_set>

#include "function/lift.h"
#include "function/loop_gradient.h"
#include "keen/creation.h"

namespace keen::detail {

namespace {

bool uses(const Graph& graph, int value) {
  const auto has = [&](const Node& n) { return std::find(n.inputs.begin(), n.inputs.end(), value) != n.inputs.end(); };
  return std::find(graph.results.begin(), graph.results.end(), value) != graph.results.end() ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(), has);
}

}  // namespace

void add_pair(Shape& pairs, std::size_t packed, std::size_t sizes) {
  pairs.push_back(static_cast<std::int64_t>(packed));
  pairs.push_back(static_cast<std::int64_t>(sizes));
}

void LoopGradient::keep() {
  Graph& body = *parts_.forward;
  std::vector<int> values = parts_.kept;
  for (std::size_t i = 0; i < carried_; ++i)
    if (uses(*parts_.backward, body.inputs[i]) || tells_a_size(i, values)) {
      values.push_back(body.inputs[i]);
      kept_carried_.push_back(i);
    }
  const std::size_t before = body.results.size();
  for (int value : values) {
    const auto begin = body.results.begin() + static_cast<std::ptrdiff_t>(carried_);
    const auto there = std::find(begin, body.results.end(), value);
    kept_at_.push_back(carried_ + static_cast<std::size_t>(there - begin));
    if (there != body.results.end()) continue;
    body.results.push_back(value);
    if (changes_size(body, value)) pack_last();
  }
  counts_turns_ = values.empty() && !scanned_ && seeded_stacks_.empty();
  if (counts_turns_) {  // something must say how many there were
    Tracer counter(body);
    TraceScope scope(counter);
    kept_at_.push_back(body.results.size());
    counter.result(zeros({}, {.dtype = DType::bool_}));
  }
  Loop forward = forward_loop();
  std::vector<ResultSpec> specs;
  for (std::size_t i = before; i < body.results.size(); ++i)
    specs.push_back(loop_result_spec(forward, i, staged_->operands));
  extend_node(*staged_, place_, loop_attributes_of(forward), specs);
  record_staged(staged_, before, loop_op);
}

bool LoopGradient::changes_size(const Graph& body, int value) const {
  const Shape& shape = body.values[at(value)].shape;
  return std::any_of(shape.begin(), shape.end(), [&](std::int64_t dim) {
    return dim < 0 && !tell_size(body.symbols, staged_->operands, dim);
  });
}

void LoopGradient::pack_last() {
  Graph& body = *parts_.forward;
  Tracer tracer(body);
  TraceScope scope(tracer);
  std::vector<Tensor> sizes;
  const std::size_t place = body.results.size() - 1;
  const Shape shape = body.values[at(body.results[place])].shape;
  for (std::int64_t size : shape) sizes.emplace_back(Size(size));
  add_pair(form_.packed, place, place + 1);
  tracer.result(stack(sizes));
}

bool LoopGradient::tells_a_size(std::size_t i, const std::vector<int>& kept) const {
  const Graph& body = *parts_.forward;
  std::unordered_set<std::int64_t> named, known;
  const auto note = [](std::unordered_set<std::int64_t>& dims, const Graph& graph, int value) {
    const Shape& shape = graph.values[at(value)].shape;
    dims.insert(shape.begin(), shape.end());
  };
  const auto name = [&](std::int64_t dim) {
    named.insert(dim);
    parts_.backward->symbols.for_each_source(dim, [&](std::int64_t source) { named.insert(source); });
  };
  for (const Node& node : parts_.backward->nodes) for_each_symbol(*parts_.backward, node, name);
  if (parts_.backward->results[i] < 0)  // zeros stand for the gradient
    for (auto dim : body.values[at(body.inputs[i])].shape) name(dim);
  for (int value : kept) note(known, body, value);
  for (std::size_t k = carried_; k < inputs_; ++k) note(known, body, body.inputs[k]);
  for (const auto* list : {&seeded_carried_, &seeded_stacks_})
    for (std::size_t k : *list) note(known, body, body.results[k]);
  const Shape& shape = body.values[at(body.inputs[i])].shape;
  return std::any_of(shape.begin(), shape.end(), [&](std::int64_t dim) {
    return is_symbol(dim) && named.contains(dim) && !known.contains(dim);
  });
}

Loop LoopGradient::forward_loop() const {
  Loop loop = form_;
  loop.body = parts_.forward;
  const Attribute& condition = place_.node().attributes[0];
  if (*std::get_if<std::shared_ptr<void>>(&condition)) loop.condition = clone(resource<Part>(condition).graph());
  return loop;
}

}  // namespace keen::detail
