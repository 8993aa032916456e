// The loop operation: how it runs, and how it gets into a trace.
#include <algorithm>
#include <map>

#include "core/message.h"
#include "function/loop_gradient.h"
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

void check_slices(std::int64_t first, std::int64_t other) {
  if (first != other) fail<ShapeError>("scan", "tensors of ", first, " and of ", other, " slices do not go together");
}

namespace {

/// One run of a loop on tensors.
class Run {
 public:
  Run(std::span<Operand> inputs, Attributes attributes)
      : condition_(static_cast<const Part*>(std::get_if<std::shared_ptr<void>>(&attributes[0])->get())),
        body_(resource<Part>(attributes[1])),
        form_(loop_form(attributes)) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      auto& to = i < form_.carried ? carried_ : i < form_.carried + form_.scanned ? scanned_ : rest_;
      to.push_back(inputs[i].tensor());
    }
    if (!form_.length.empty()) turns_ = form_.length[0];
    std::int64_t first = -1;
    for (std::size_t k = 0; k < scanned_.size(); ++k) {
      if (sizes_of_slices(k) >= 0) continue;
      const std::int64_t slices = scanned_[k].shape()[0];
      check_slices(first < 0 ? slices : first, slices);
      first = slices;
    }
    if (first >= 0) turns_ = turns_ < 0 ? first : std::min(turns_, first);
    for (std::size_t k = 0; k < scanned_.size(); ++k)
      if (const auto sizes = sizes_of_slices(k); sizes >= 0)
        scanned_turns_.emplace(
            k, unpack(contiguous(scanned_[k]), scanned_[static_cast<std::size_t>(sizes) - form_.carried]));
    stacked_.resize(body_.graph().results.size() - form_.carried);
  }

  std::vector<Tensor> results() {
    for (std::int64_t turn = 0; turn != turns_ && goes_on(); ++turn)
      take_turn(form_.reverse ? turns_ - 1 - turn : turn);
    for (std::size_t i = 0; i < stacked_.size(); ++i) carried_.push_back(stack_of(i));
    return std::move(carried_);
  }

 private:
  std::int64_t sizes_of_slices(std::size_t k) const { return sizes_of_packed(form_.unpacked, form_.carried + k); }

  static std::vector<Tensor> unpack(const Tensor& packed, const Tensor& sizes) {
    std::vector<Tensor> turns;
    std::int64_t begin = 0;
    for (const Tensor& row : sizes) {
      const Shape shape(row.to_vector<std::int64_t>());
      turns.push_back(make_view(*packed.impl(), shape, contiguous_strides(shape), begin));
      begin += shape.num_elements();
    }
    return turns;
  }

  bool goes_on() const {
    if (!condition_) return true;
    std::vector<Tensor> arguments = carried_;
    arguments.insert(arguments.end(), rest_.begin(), rest_.end());
    return condition_->run(arguments)[0].item<bool>();
  }

  void take_turn(std::int64_t at) {
    std::vector<Tensor> arguments = std::move(carried_);
    for (std::size_t k = 0; k < scanned_.size(); ++k) {
      const auto turns = scanned_turns_.find(k);
      arguments.push_back(
          turns == scanned_turns_.end() ? scanned_[k][at] : turns->second[static_cast<std::size_t>(at)]);
    }
    arguments.insert(arguments.end(), rest_.begin(), rest_.end());
    std::vector<Tensor> results = body_.run(arguments);
    const auto own = results.begin() + static_cast<std::ptrdiff_t>(form_.carried);
    for (std::size_t i = 0; i < stacked_.size(); ++i)
      stacked_[i].push_back(std::move(own[static_cast<std::ptrdiff_t>(i)]));
    results.erase(own, results.end());
    carried_ = std::move(results);
  }

  Tensor stack_of(std::size_t i) {
    auto& turns = stacked_[i];
    if (form_.reverse) std::reverse(turns.begin(), turns.end());
    const ResultSpec spec = spec_of(body_.graph(), body_.graph().results[form_.carried + i]);
    if (sizes_of_packed(form_.packed, form_.carried + i) >= 0) {
      for (Tensor& turn : turns) turn = flatten(turn);
      return turns.empty() ? zeros({0}, {.dtype = spec.dtype}) : concat(std::exchange(turns, {}));
    }
    for (const Tensor& turn : turns)
      if (turn.shape() != turns[0].shape())
        fail<ShapeError>(
            "scan", "what its turns give to be stacked changes its size from ", turns[0].shape(), " to ", turn.shape(),
            ": bring it to one size (broadcast_to, pad), or carry what grows");
    if (!turns.empty()) return stack(std::exchange(turns, {}));
    Shape none = spec.shape;
    for (auto& dim : none) dim = std::max<std::int64_t>(dim, 0);
    none.insert(0, 0);
    return zeros(none, {.dtype = spec.dtype});
  }

  const Part* condition_;
  const Part& body_;
  const Loop form_;
  std::int64_t turns_ = -1;  // negative: the condition ends it
  std::vector<Tensor> carried_, scanned_, rest_;
  std::map<std::size_t, std::vector<Tensor>> scanned_turns_;  // of what is packed
  std::vector<std::vector<Tensor>> stacked_;
};

/// The loop of a node, for the symbols of this trace.
Loop loop_of(Tracer& tracer, std::span<const Operand> inputs, Attributes attributes) {
  Loop loop = loop_form(attributes);
  const auto again = [&](const Attribute& attribute, bool slices) -> std::shared_ptr<Graph> {
    const auto* part = static_cast<const Part*>(std::get_if<std::shared_ptr<void>>(&attribute)->get());
    if (!part) return nullptr;
    std::vector<ResultSpec> specs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::size_t given = specs.size();
      ResultSpec spec = spec_of(inputs[i].tensor());
      if (i < loop.carried) {  // a size that turns may change stays open
        const ResultSpec inside = spec_of(part->graph(), part->graph().inputs[given]);
        for (int axis = 0; axis < spec.shape.rank(); ++axis)
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
  loop.condition = again(attributes[0], false);
  loop.body = again(attributes[1], true);
  return loop;
}

void dispatch_loop(const Op&, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  std::vector<Tensor> results;
  if (Tracer* tracer = current_tracer()) {
    std::vector<Tensor> operands;
    for (const auto& in : inputs) operands.push_back(in.tensor());
    results = stage_loop(*tracer, loop_of(*tracer, inputs, attributes), operands);
  } else {
    results = Run(inputs, attributes).results();
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
  return operands[i].shape()[0];
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
      if (!is_symbol(dim) || dim == after[axis] || !tell_size(loop.body->symbols, operands, dim)) continue;
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
