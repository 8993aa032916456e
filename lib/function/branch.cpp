// The branch operation: runs one of its parts, chosen by an index.
#include <algorithm>

#include "core/message.h"
#include "function/lift.h"
#include "function/staged_ops.h"
#include "keen/creation.h"
#include "keen/ops/shape.h"

namespace keen::detail {
namespace {

constexpr AttributeSpec branch_attributes[] = {{"branches", AttributeKind::resource}};

/// Which part runs: 1 for true; the last one for a number out of range.
std::size_t chosen(const Tensor& index, std::size_t count) {
  const std::int64_t i = index.item<std::int64_t>();
  return i < 0 || i >= static_cast<std::int64_t>(count) ? count - 1 : static_cast<std::size_t>(i);
}

void dispatch_branch(const Op&, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  const auto& branches = resource<Branches>(attributes[0]);
  const Tensor index = inputs[0].tensor();
  std::vector<Tensor> operands, results;
  for (auto& in : inputs.subspan(1)) operands.push_back(in.tensor());
  if (Tracer* tracer = current_tracer()) {
    std::vector<ResultSpec> specs;
    for (const Tensor& operand : operands) specs.push_back(spec_of(operand));
    std::vector<std::shared_ptr<Graph>> parts;
    for (const auto& branch : branches) parts.push_back(retrace(*tracer, branch->graph(), specs));
    results = stage_branch(*tracer, index, parts, operands);
  } else {
    results = branches[chosen(index, branches.size())]->run(operands);
  }
  std::move(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(outputs.size()), outputs.begin());
}

void sizes_unknown(Inference& in) {
  fail<UsageError>(in.op.name, "the sizes of its results follow from the parts it holds alone");
}

}  // namespace

KEEN_OP(branch){
    .name = "branch",
    .arity = variadic,
    .outputs = variadic,
    .attributes = branch_attributes,
    .infer = sizes_unknown,
    .composite = dispatch_branch,
    .differentiable = Differentiable::no,
    .formula = "one of several parts of a program"};
KEEN_OP(branch_with_effects){
    .name = "branch_with_effects",
    .arity = variadic,
    .outputs = variadic,
    .attributes = branch_attributes,
    .infer = sizes_unknown,
    .composite = dispatch_branch,
    .differentiable = Differentiable::no,
    .effect = true,
    .formula = "one of several parts of a program"};

namespace {

/// The form of result i: a dimension is known where all branches agree and the operands know its symbol.
ResultSpec common_spec(
    const SizeTable& symbols, const Branches& branches, std::size_t i, std::span<const Tensor> operands) {
  const auto of = [&](const auto& branch) { return spec_of(branch->graph(), branch->graph().results[i]); };
  ResultSpec common = of(branches[0]);
  for (const auto& branch : branches) common.shape = common_shape(common.shape, of(branch).shape);
  for (auto& dim : common.shape)
    if (dim < 0 && !tell_size(symbols, operands, dim)) dim = unknown;
  return common;
}

Attribute as_attribute(const std::vector<std::shared_ptr<Graph>>& parts) {
  auto branches = std::make_shared<Branches>();
  for (const auto& part : parts) branches->push_back(std::make_shared<const Part>(part));
  return std::shared_ptr<void>(std::move(branches));
}

std::shared_ptr<StagedNode> add_branch(
    Tracer& tracer, const Tensor& index, const std::vector<std::shared_ptr<Graph>>& parts,
    const std::vector<Tensor>& operands) {
  const Attribute attributes[] = {as_attribute(parts)};
  const auto& branches = resource<Branches>(attributes[0]);
  bool effects = false;
  for (const auto& branch : branches) effects = effects || branch->has_effects();
  auto staged = std::make_shared<StagedNode>();
  staged->operands = {index};
  staged->operands.insert(staged->operands.end(), operands.begin(), operands.end());
  const std::vector<Operand> inputs(staged->operands.begin(), staged->operands.end());
  std::vector<ResultSpec> specs;
  for (std::size_t i = 0; i < parts[0]->results.size(); ++i)
    specs.push_back(common_spec(tracer.graph().symbols, branches, i, operands));
  staged->outputs.resize(specs.size());
  staged->op = effects ? &branch_with_effects_op : &branch_op;
  staged->attributes.assign(std::begin(attributes), std::end(attributes));
  tracer.interpret(*staged->op, inputs, attributes, specs, staged->outputs);
  for (const auto& branch : branches) tracer.wrote(branch->writes());
  return staged;
}

/// The values that branches keep for the backward pass, as outputs of the node: those of branch b at places[b].
struct Kept {
  std::vector<std::vector<std::size_t>> places;
  std::size_t first_new = 0;
};

/// Gives the node what is kept and is no output yet; the other branches give zeros without memory of their own there.
Kept keep(StagedNode& staged, const NodePlace& place, const std::vector<Split>& splits) {
  Kept out{std::vector<std::vector<std::size_t>>(splits.size()), staged.outputs.size()};
  std::size_t count = staged.outputs.size();
  std::vector<ResultSpec> specs;
  for (std::size_t b = 0; b < splits.size(); ++b)
    for (int value : splits[b].kept) {
      auto& results = splits[b].forward->results;
      const auto there =
          std::find(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(out.first_new), value);
      const auto at = static_cast<std::size_t>(there - results.begin());
      out.places[b].push_back(at < out.first_new ? at : count);
      if (at < out.first_new) continue;
      ResultSpec spec = spec_of(*splits[b].forward, value), empty = spec;
      for (auto& dim : spec.shape) dim = std::max<std::int64_t>(dim, unknown);
      for (auto& dim : empty.shape) dim = std::max<std::int64_t>(dim, 0);
      for (std::size_t other = 0; other < splits.size(); ++other) {
        Graph& graph = *splits[other].forward;
        if (other == b) {
          graph.results.push_back(value);
          continue;
        }
        Tracer tracer(graph);
        TraceScope scope(tracer);
        tracer.result(broadcast_to(zeros({}, {.dtype = empty.dtype}), empty.shape));
      }
      specs.push_back(spec);
      ++count;
    }
  std::vector<std::shared_ptr<Graph>> forward;
  for (const auto& part : splits) forward.push_back(part.forward);
  extend_node(staged, place, {as_attribute(forward)}, specs);
  return out;
}

GradientsOfPart gradients_of(const Split& split) { return {split.backward->results, split.forward->inputs.size()}; }

/// Adds the values and indices that stand for the gradient of operand i of this shape: of no rows where there is none, and
/// of all rows where it is dense. So rows that a branch does not touch are none that an optimizer updates.
void add_rows(Tracer& tracer, const GradientsOfPart& gradients, std::size_t i, const ResultSpec& spec) {
  Graph& graph = tracer.graph();
  if (gradients.is_sparse(i)) {
    graph.results.insert(graph.results.end(), {gradients.values(i), gradients.indices(i)});
  } else if (gradients.has(i)) {
    graph.results.push_back(gradients.values(i));
    tracer.result(Tensor(range(spec.shape[0], {.dtype = DType::int64})));
  } else {
    Shape none = spec.shape;
    none[0] = 0;
    tracer.result(zeros(none, {.dtype = spec.dtype}));
    tracer.result(zeros({0}, {.dtype = DType::int64}));
  }
}

/// Branch b of the backward pass: operands, what all branches keep, gradients of the results → gradients of the operands
/// that are asked for, of those in `sparse` the values and indices.
std::shared_ptr<Graph> backward_part(
    const std::vector<Split>& splits, std::size_t b, std::size_t operands, const std::vector<std::size_t>& asked,
    const std::vector<bool>& sparse) {
  std::shared_ptr<Graph> graph = clone(*splits[b].backward);
  graph->symbols = larger(graph->symbols, current_tracer()->graph().symbols);
  const std::vector<int> own = graph->inputs;
  auto next = own.begin() + static_cast<std::ptrdiff_t>(operands);
  graph->inputs.assign(own.begin(), next);
  for (std::size_t k = 0; k < splits.size(); ++k)
    for (int value : splits[k].kept) {
      if (k == b) {
        graph->inputs.push_back(*next++);
        continue;
      }
      Value foreign = splits[k].forward->values[static_cast<std::size_t>(value)];
      for (auto& dim : foreign.shape)
        if (dim < 0) dim = graph->new_symbol();
      graph->inputs.push_back(graph->add_value(foreign));
    }
  graph->inputs.insert(graph->inputs.end(), next, own.end());
  const GradientsOfPart gradients = gradients_of(splits[b]);
  graph->results.clear();
  Tracer tracer(*graph);
  TraceScope scope(tracer);
  for (std::size_t i : asked) {
    const ResultSpec spec = spec_of(*graph, graph->inputs[i]);
    if (sparse[i]) add_rows(tracer, gradients, i, spec);
    else if (gradients.has(i)) graph->results.push_back(gradients.values(i));
    else tracer.result(zeros(spec.shape, {.dtype = spec.dtype}));
  }
  return graph;
}

}  // namespace

std::vector<Tensor> stage_branch(
    Tracer& tracer, const Tensor& index, const std::vector<std::shared_ptr<Graph>>& parts,
    const std::vector<Tensor>& operands) {
  const auto staged = add_branch(tracer, index, parts, operands);
  record_staged(staged, 0, branch_op);
  return staged->outputs;
}

void differentiate_branch(Gradient& g, const std::shared_ptr<StagedNode>& node, std::size_t first) {
  const std::shared_ptr<StagedNode> staged = node;
  const NodePlace place = find_node(*staged);
  if (!place.tracer) return differentiate_again(g, *staged, first);
  Tracer& tracer = *current_tracer();
  meet_outputs(staged, place);
  const Branches branches = resource<Branches>(place.node().attributes[0]);
  const Tensor index = staged->operands[0];
  std::vector<Tensor> inputs(staged->operands.begin() + 1, staged->operands.end());
  const std::size_t operands = inputs.size();
  std::vector<bool> wanted;
  std::vector<std::size_t> asked, seeded;
  for (std::size_t i = 0; i < operands; ++i) {
    wanted.push_back(g.wants(static_cast<int>(i) + 1));
    if (wanted.back()) asked.push_back(i);
  }
  for (std::size_t i = first; i < staged->outputs.size() && static_cast<int>(i - first) < g.outputs(); ++i)
    if (is_trainable(staged->outputs[i].dtype()) && g.has_dy(static_cast<int>(i - first))) seeded.push_back(i);

  std::vector<Split> splits;
  for (const auto& branch : branches) splits.push_back(split(tracer, branch->graph(), wanted, seeded));
  const Kept kept = keep(*staged, place, splits);
  record_staged(staged, kept.first_new, branch_op);
  for (const auto& places : kept.places)
    for (std::size_t at : places) inputs.push_back(staged->outputs[at]);
  for (std::size_t i : seeded) inputs.push_back(g.dy(static_cast<int>(i - first)));
  std::vector<bool> sparse(operands);
  for (std::size_t i : asked)
    for (const Split& part : splits) sparse[i] = sparse[i] || gradients_of(part).is_sparse(i);
  std::vector<std::shared_ptr<Graph>> backward;
  for (std::size_t b = 0; b < splits.size(); ++b) backward.push_back(backward_part(splits, b, operands, asked, sparse));
  const auto gradients = stage_branch(tracer, index, backward, inputs);
  auto next = gradients.begin();
  for (std::size_t i : asked) {
    const Tensor values = *next++;
    g.set(static_cast<int>(i) + 1, sparse[i] ? make_sparse(staged->operands[i + 1].shape(), values, *next++) : values);
  }
}

bool is_branch(const Op& op) noexcept { return &op == &branch_op || &op == &branch_with_effects_op; }

}  // namespace keen::detail
