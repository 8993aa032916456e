// The loop operation, and how it gets into a trace.
#include <algorithm>

#include "core/message.h"
#include "function/loop.h"
#include "function/staged_ops.h"
#include "keen/creation.h"
#include "keen/ops/shape.h"

namespace keen::detail {
namespace {

constexpr AttributeSpec loop_attributes[] = {
    {"condition", AttributeKind::resource}, {"body", AttributeKind::resource},   {"carried", AttributeKind::integer},
    {"scanned", AttributeKind::integer},    {"reverse", AttributeKind::boolean}, {"length", AttributeKind::shape},
    {"packed", AttributeKind::shape},       {"unpacked", AttributeKind::shape}};

}  // namespace

Loop loop_form(std::span<const Attribute> attributes) {
  Loop loop;
  loop.carried = static_cast<std::size_t>(integer(attributes[2]));
  loop.scanned = static_cast<std::size_t>(integer(attributes[3]));
  loop.reverse = boolean(attributes[4]);
  loop.length = ints(attributes[5]);
  loop.packed = ints(attributes[6]);
  loop.unpacked = ints(attributes[7]);
  return loop;
}

std::int64_t sizes_of_packed(const Shape& pairs, std::size_t place) noexcept {
  for (int i = 0; i < pairs.rank(); i += 2)
    if (pairs[i] == static_cast<std::int64_t>(place)) return pairs[i + 1];
  return -1;
}

namespace {

/// Does a turn leave what it carries in the sizes in which it finds it?
bool keeps_sizes(const Graph& body, std::size_t carried) {
  for (std::size_t i = 0; i < carried; ++i)
    if (body.values[at(body.inputs[i])].shape != body.values[at(body.results[i])].shape) return false;
  return true;
}

/// The loop of a node, for the symbols of this trace.
Loop loop_of(Tracer& tracer, std::span<const Operand> inputs, Attributes attributes) {
  Loop loop = loop_form(attributes);
  const auto again = [&](const Attribute& attribute, bool slices, bool changing) -> std::shared_ptr<Graph> {
    const auto* part = static_cast<const Part*>(std::get_if<std::shared_ptr<void>>(&attribute)->get());
    if (!part) return nullptr;
    std::vector<ResultSpec> specs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::size_t given = specs.size();
      ResultSpec spec = spec_of(inputs[i].tensor());
      if (i < loop.carried) {  // a size that turns may change stays open
        const ResultSpec inside = spec_of(part->graph(), part->graph().inputs[given]);
        for (int axis = 0; changing && axis < spec.shape.rank(); ++axis)
          if (inside.shape[axis] < 0 && spec.shape[axis] >= 0) spec.shape[axis] = unknown;
      } else if (i < loop.carried + loop.scanned) {
        if (!slices) continue;
        if (sizes_of_packed(loop.unpacked, i) < 0) {
          spec.shape.erase(0);
        } else {
          spec.shape = part->graph().values[at(part->graph().inputs[given])].shape;
          for (auto& dim : spec.shape)
            if (dim < 0) dim = unknown;
        }
      }
      specs.push_back(spec);
    }
    return retrace(tracer, part->graph(), specs);
  };
  // Sizes that the first turn finds, and leaves, all turns find; where something is packed, they stay open.
  try {
    loop.body = again(attributes[1], true, false);
  } catch (const ShapeError&) {  // they change after all
  }
  const bool changing =
      !loop.packed.empty() || !loop.unpacked.empty() || !loop.body || !keeps_sizes(*loop.body, loop.carried);
  if (changing) loop.body = again(attributes[1], true, true);
  loop.condition = again(attributes[0], false, changing);
  return loop;
}

void dispatch_loop(const Op&, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  std::vector<Tensor> results;
  if (Tracer* tracer = current_tracer()) {
    std::vector<Tensor> operands;
    for (const auto& in : inputs) operands.push_back(in.tensor());
    results = stage_loop(*tracer, loop_of(*tracer, inputs, attributes), operands);
  } else {
    results = run_loop(inputs, attributes);
  }
  std::move(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(outputs.size()), outputs.begin());
}

void sizes_unknown(Inference& in) {
  fail<UsageError>(in.op.name, "the sizes of its results follow from the parts it holds alone");
}

}  // namespace

KEEN_OP(loop){
    .name = "loop",
    .arity = variadic,
    .outputs = variadic,
    .attributes = loop_attributes,
    .infer = sizes_unknown,
    .composite = dispatch_loop,
    .differentiable = Differentiable::no,
    .formula = "a part of a program, again and again"};
KEEN_OP(loop_with_effects){
    .name = "loop_with_effects",
    .arity = variadic,
    .outputs = variadic,
    .attributes = loop_attributes,
    .infer = sizes_unknown,
    .composite = dispatch_loop,
    .differentiable = Differentiable::no,
    .effect = true,
    .formula = "a part of a program, again and again"};

std::vector<const Part*> parts_of(const Node& node) {
  if (!node.op->composite) return {};
  std::vector<const Part*> out;
  if (is_branch(*node.op)) {
    for (const auto& part : resource<Branches>(node.attributes[0])) out.push_back(part.get());
  } else {
    for (std::size_t i : {0, 1})
      if (const auto& part = *std::get_if<std::shared_ptr<void>>(&node.attributes[i]))
        out.push_back(static_cast<const Part*>(part.get()));
  }
  return out;
}

namespace {

/// How many slices a loop scans.
std::int64_t slices(const Loop& loop, std::span<const Tensor> operands) {
  std::size_t i = loop.carried;
  if (const auto sizes = sizes_of_packed(loop.unpacked, i); sizes >= 0) i = static_cast<std::size_t>(sizes);
  return operands[i].shape().raw(0);
}

}  // namespace

ResultSpec loop_result_spec(const Loop& loop, std::size_t i, std::span<const Tensor> operands) {
  const bool carried = i < loop.carried;
  ResultSpec spec = spec_of(*loop.body, carried ? loop.body->inputs[i] : loop.body->results[i]);
  for (auto& dim : spec.shape)
    if (dim < 0 && !tell_size(loop.body->symbols, operands, dim)) dim = unknown;
  if (carried) return spec;
  if (sizes_of_packed(loop.packed, i) >= 0) return {spec.dtype, {unknown}};
  std::int64_t turns = unknown;
  if (!loop.condition) turns = loop.scanned ? slices(loop, operands) : loop.length[0];
  spec.shape.insert(0, turns);
  return spec;
}

std::vector<Attribute> loop_attributes_of(const Loop& loop) {
  std::shared_ptr<void> condition, body = std::make_shared<Part>(loop.body);
  if (loop.condition) condition = std::make_shared<Part>(loop.condition);
  return {
      condition,
      body,
      static_cast<std::int64_t>(loop.carried),
      static_cast<std::int64_t>(loop.scanned),
      loop.reverse,
      loop.length,
      loop.packed,
      loop.unpacked};
}

namespace {

/// The open sizes of carried tensors that turns may change, as inputs of the body: none that the trace around it knows.
bool open_what_changes(const Loop& loop, std::span<const Tensor> operands, std::vector<ResultSpec>& inputs) {
  bool any = false;
  for (std::size_t i = 0; i < loop.carried; ++i) {
    const Shape after = spec_of(*loop.body, loop.body->results[i]).shape;
    for (int axis = 0; axis < after.rank(); ++axis) {
      auto& dim = inputs[i].shape[axis];
      const bool is_fixed = is_symbol(dim) ? tell_size(loop.body->symbols, operands, dim) : is_symbol(after[axis]);
      if (dim == after[axis] || dim == unknown || !is_fixed) continue;
      dim = unknown;
      any = true;
    }
  }
  return any;
}

/// The loop with a body that finds sizes of each turn's own where turns may change them: two open sizes that broadcast.
Loop with_changing_sizes(Tracer& tracer, Loop loop, std::span<const Tensor> operands) {
  for (;;) {
    std::vector<ResultSpec> inputs;
    for (int value : loop.body->inputs) inputs.push_back(spec_of(*loop.body, value));
    if (!open_what_changes(loop, operands, inputs)) return loop;
    loop.body = retrace(tracer, *loop.body, inputs);
    const auto first = inputs.begin() + static_cast<std::ptrdiff_t>(loop.carried);
    inputs.erase(first, first + static_cast<std::ptrdiff_t>(loop.scanned));
    if (loop.condition) loop.condition = retrace(tracer, *loop.condition, inputs);
  }
}

}  // namespace

std::vector<Tensor> stage_loop(Tracer& tracer, const Loop& given, const std::vector<Tensor>& operands) {
  const Loop loop = with_changing_sizes(tracer, given, operands);
  const std::vector<Attribute> attributes = loop_attributes_of(loop);
  bool effects = false;
  for (const Part* part : parts_of({&loop_op, {}, attributes, {}})) effects = effects || part->has_effects();
  const std::vector<Operand> inputs(operands.begin(), operands.end());
  std::vector<ResultSpec> specs;
  for (std::size_t i = 0; i < loop.body->results.size(); ++i) specs.push_back(loop_result_spec(loop, i, operands));
  const Op& op = effects ? loop_with_effects_op : loop_op;
  auto staged = std::make_shared<StagedNode>(StagedNode{operands, std::vector<Tensor>(specs.size()), &op, attributes});
  tracer.interpret(op, inputs, attributes, specs, staged->outputs);
  for (const Part* part : parts_of({&loop_op, {}, attributes, {}})) tracer.wrote(part->writes());
  record_staged(staged, 0, loop_op);
  return staged->outputs;
}

}  // namespace keen::detail
