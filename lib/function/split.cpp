// Differentiating parts of programs: a part's nodes are shown to a tape, and what the gradient adds is cut off as a part
// of its own.
#include <algorithm>

#include "autodiff/tape.h"
#include "core/message.h"
#include "function/lift.h"
#include "function/own_gradient.h"
#include "function/staged_ops.h"

namespace keen::detail {

bool is_differentiable(const Graph& graph, int value) { return is_trainable(spec_of(graph, value).dtype); }

namespace {

/// The values among `used` that nodes before the cut made, each once.
std::vector<int> made_before(const Graph& graph, std::size_t cut, const std::vector<int>& used) {
  std::vector<bool> made(graph.values.size());
  for (std::size_t i = 0; i < cut; ++i)
    for (int value : graph.nodes[i].outputs) made[static_cast<std::size_t>(value)] = true;
  std::vector<int> out;
  for (int value : used)
    if (value >= 0 && made[static_cast<std::size_t>(value)]) {
      made[static_cast<std::size_t>(value)] = false;
      out.push_back(value);
    }
  return out;
}

/// Adds to `used` the values before the cut whose sizes nodes behind it name, where nothing that is used has them.
void add_carriers(const Graph& graph, std::size_t cut, std::vector<int>& used) {
  const std::vector<int> carriers = size_carriers(graph);
  std::vector<bool> known(carriers.size());
  const auto note = [&](int value) {
    for (auto dim : graph.values[at(value)].shape)
      if (is_symbol(dim)) known[at(symbol_number(dim))] = true;
  };
  std::vector<int> crossing = made_before(graph, cut, used);
  for (int value : used)
    if (std::find(graph.inputs.begin(), graph.inputs.end(), value) != graph.inputs.end()) crossing.push_back(value);
  for (int value : crossing) note(value);
  for (std::size_t i = cut; i < graph.nodes.size(); ++i)
    for_each_needed_size(graph, carriers, graph.nodes[i], [&](std::size_t symbol) {
      if (known[symbol] || carriers[symbol] < 0) return;
      used.push_back(carriers[symbol]);
      note(carriers[symbol]);
    });
}

std::shared_ptr<Graph> section(const Graph& graph, std::size_t first, std::size_t last) {
  std::shared_ptr<Graph> part = clone(graph);
  const auto begin = graph.nodes.begin();
  part->nodes.assign(begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last));
  return part;
}

/// The tensors of a graph's values.
std::vector<Tensor> tensors_of(Tracer& tracer) {
  const Graph& graph = tracer.graph();
  std::vector<Tensor> out;
  for (std::size_t value = 0; value < graph.values.size(); ++value)
    out.push_back(tracer.tensor(static_cast<int>(value)));
  for (const auto& constant : graph.constants) out[static_cast<std::size_t>(constant.value)] = constant.tensor;
  return out;
}

/// Shows a tape, which is the only observer, the operation of a node.
void show(const Node& node, const std::vector<Tensor>& tensors) {
  if (node.unseen) return;
  const auto staged = std::make_shared<StagedNode>(StagedNode{{}, {}, node.op, node.attributes});
  for (int value : node.inputs) staged->operands.push_back(tensors[static_cast<std::size_t>(value)]);
  for (int value : node.outputs) staged->outputs.push_back(tensors[static_cast<std::size_t>(value)]);
  if (node.op->composite) return record_staged(staged, 0, *node.op);
  if (node.op == &own_gradient_op) return tell_own_gradient(staged->operands, node.attributes, staged->outputs[0]);
  const std::vector<Operand> operands(staged->operands.begin(), staged->operands.end());
  thread_context.observers->observe(*node.op, operands, node.attributes, staged->outputs);
}

}  // namespace

Split split(
    Tracer& tracer, const Graph& part, const std::vector<bool>& wanted, const std::vector<std::size_t>& seeded) {
  const auto joint = clone(part);  // forward nodes, then those of the gradient
  joint->symbols = larger(part.symbols, tracer.graph().symbols);
  Tracer inner(*joint);
  std::vector<Tensor> targets, seeds;
  std::vector<int> gradients(2 * part.inputs.size(), -1);
  const std::size_t cut = part.nodes.size();
  {
    TraceScope scope(inner);
    const std::vector<Tensor> tensors = tensors_of(inner);
    Tape tape({.watch_accessed_variables = false});
    std::vector<Source> sources;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      sources.emplace_back(tensors[static_cast<std::size_t>(part.inputs[i])]);
      if (wanted[i] && is_differentiable(part, part.inputs[i])) tape.watch(sources.back());
    }
    for (const Node& node : part.nodes) show(node, tensors);
    for (std::size_t i : seeded) {
      targets.push_back(tensors[static_cast<std::size_t>(part.results[i])]);
      seeds.push_back(inner.input({targets.back().shape(), targets.back().dtype()}, targets.back().device()));
    }
    std::vector<Tensor> found(sources.size());
    if (!targets.empty()) tape.gradient(targets, sources, found, {.output_gradients = seeds});
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!wanted[i] || !found[i].defined()) continue;
      gradients[i] = inner.number_of(found[i].is_sparse() ? found[i].values() : found[i]);
      if (found[i].is_sparse()) gradients[part.inputs.size() + i] = inner.number_of(found[i].indices());
    }
  }
  std::vector<int> used = gradients;
  for (std::size_t i = cut; i < joint->nodes.size(); ++i)
    used.insert(used.end(), joint->nodes[i].inputs.begin(), joint->nodes[i].inputs.end());
  add_carriers(*joint, cut, used);

  tracer.graph().symbols = joint->symbols;
  Split out{section(*joint, 0, cut), made_before(*joint, cut, used), section(*joint, cut, joint->nodes.size())};
  out.forward->inputs = part.inputs;
  auto& inputs = out.backward->inputs;  // the part's, then the seeds
  inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(part.inputs.size()), out.kept.begin(), out.kept.end());
  out.backward->results = gradients;
  return out;
}

int GradientsOfPart::dense(Tracer& tracer, std::size_t i, const Shape& shape) const {
  if (!is_sparse(i)) return values(i);
  return tracer.number_of(make_sparse(shape, tracer.tensor(values(i)), tracer.tensor(indices(i))));
}

NodePlace find_node(const StagedNode& staged) noexcept {
  if (!staged.outputs[0].is_symbolic()) return {};  // the callable goes on eagerly
  const TraceLink link = staged.outputs[0].impl()->extra->link;
  for (Tracer* tracer = current_tracer(); tracer; tracer = tracer->outer()) {
    if (tracer->graph().link(0).trace != link.trace) continue;
    const auto& nodes = tracer->graph().nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (!nodes[i].outputs.empty() && nodes[i].outputs[0] == link.value) return {tracer, i};
  }
  return {};
}

void meet_outputs(const std::shared_ptr<StagedNode>& staged, const NodePlace& place) {
  const std::size_t first = staged->outputs.size();
  for (std::size_t i = first; i < place.node().outputs.size(); ++i)
    staged->outputs.push_back(place.tracer->tensor(place.node().outputs[i]));
  staged->attributes = place.node().attributes;
  record_staged(staged, first, *place.node().op);
}

std::size_t extend_node(
    StagedNode& staged, const NodePlace& place, std::vector<Attribute> attributes,
    std::span<const ResultSpec> outputs) {
  const std::size_t first = staged.outputs.size();
  if (first + outputs.size() > place.node().outputs.size()) place.node().attributes = std::move(attributes);
  staged.attributes = place.node().attributes;
  const Device device = staged.outputs[0].device();
  for (const ResultSpec& spec : outputs)
    staged.outputs.push_back(place.tracer->add_output(place.node(), staged.outputs.size(), spec, device));
  return first;
}

namespace {

using StagedGradient = std::function<void(Gradient&)>;
constexpr AttributeSpec gradient_attribute[] = {{"gradient", AttributeKind::resource}};

}  // namespace

// Never dispatched: what tapes are told in the place of a branch or a loop.
KEEN_OP(staged){
    .name = "staged",
    .arity = variadic,
    .outputs = variadic,
    .attributes = gradient_attribute,
    .gradient = [](Gradient& g) { resource<StagedGradient>(g.attributes()[0])(g); },
    .formula = "branches and loops, to a tape"};

void record_staged(const std::shared_ptr<StagedNode>& staged, std::size_t first, const Op& op) {
  if (!thread_context.observers || staged->outputs.size() == first) return;
  const auto differentiate = is_branch(op) ? differentiate_branch : differentiate_loop;
  auto gradient = std::make_shared<StagedGradient>([=](Gradient& g) { differentiate(g, staged, first); });
  const Attribute attributes[] = {std::shared_ptr<void>(std::move(gradient))};
  const std::vector<Operand> operands(staged->operands.begin(), staged->operands.end());
  const std::vector<Tensor> outputs(
      staged->outputs.begin() + static_cast<std::ptrdiff_t>(first), staged->outputs.end());
  for (Observer* o = thread_context.observers; o;) {
    Observer* next = o->outer;
    o->observe(staged_op, operands, attributes, outputs);
    o = next;
  }
}

}  // namespace keen::detail
