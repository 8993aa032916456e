#include "function/recorded_call.h"

#include <algorithm>

#include "core/dispatch.h"
#include "core/message.h"
#include "function/executable.h"
#include "function/own_gradient.h"
#include "function/replay.h"
#include "function/tracer.h"
#include "keen/autodiff/gradient_tape.h"

namespace keen::detail {
namespace {

constexpr AttributeSpec call_attribute[] = {{"call", AttributeKind::resource}};

/// What the tape keeps of a call.
struct Recorded {
  std::shared_ptr<const CallGradient> gradient;
  std::vector<Tensor> inputs;  // arguments, variables' values, constants that are followed
  std::vector<Tensor> kept;
};

/// The graph with each variable it reads as one more input.
std::shared_ptr<Graph> lift_reads(const Graph& graph, std::vector<Variable>& variables) {
  auto lifted = graph.copy();
  std::unordered_map<const void*, int> inputs;
  std::unordered_map<int, int> names;
  std::erase_if(lifted->nodes, [&](Node& node) {
    for (int& v : node.inputs)
      if (const auto found = names.find(v); found != names.end()) v = found->second;
    if (node.op != &read_variable_op) return false;
    const auto& state = *std::get_if<std::shared_ptr<void>>(&node.attributes[0]);
    const auto [place, is_new] = inputs.try_emplace(state.get(), node.outputs[0]);
    if (is_new) {
      lifted->inputs.push_back(node.outputs[0]);
      variables.push_back(Variable::from_state(std::static_pointer_cast<VariableState>(state)));
    } else {
      names[node.outputs[0]] = place->second;
    }
    return true;
  });
  for (int& v : lifted->results)
    if (const auto found = names.find(v); found != names.end()) v = found->second;
  return lifted;
}

/// With these constants as inputs behind all others.
void lift_constants(Graph& graph, std::span<const Tensor> constants) {
  for (const Tensor& tensor : constants) {
    const auto is_it = [&](const Constant& constant) { return constant.tensor.impl() == tensor.impl(); };
    const auto found = std::find_if(graph.constants.begin(), graph.constants.end(), is_it);
    graph.inputs.push_back(found->value);
    graph.constants.erase(found);
  }
}

/// Does the node, or the gradient that it has of its own, do more than compute? One that cannot be traced throws when it is
/// asked for, and not before.
bool has_effects(const Node& node) {
  if (node.op != &own_gradient_op) return is_root(node);
  const auto& part = traced_gradient(node).part;
  return !part || part->has_effects();
}

}  // namespace

bool can_differentiate(const Graph& graph) {
  return std::none_of(graph.nodes.begin(), graph.nodes.end(), has_effects) &&
         std::find(graph.results.begin(), graph.results.end(), -1) == graph.results.end() &&
         std::all_of(graph.values.begin(), graph.values.end(), [](const Value& v) { return v.device.is_cpu(); });
}

CallGradient::~CallGradient() = default;

/// One trace holds both halves. Nodes that depend on the seeds are the backward half; the values that cross over are kept.
CallGradient::CallGradient(const Graph& graph, std::span<const Shape> arguments, std::span<const Tensor> followed)
    : followed_(followed.begin(), followed.end()), results_(graph.results.size()) {
  const auto lifted = lift_reads(graph, variables_);
  lift_constants(*lifted, followed_);
  lifted_ = lifted;
  auto joint = std::make_shared<Graph>();
  Tracer tracer(*joint);
  std::vector<Tensor> inputs, results, seeds, gradients;
  const auto input_like = [&](const Tensor& t) { return tracer.input(TensorSpec(t.shape(), t.dtype()), Device()); };
  for (std::size_t i = 0; i < lifted_->inputs.size(); ++i) {
    const Value& value = lifted_->values[at(lifted_->inputs[i])];
    const Shape& shape = i < arguments.size() ? arguments[i] : value.shape;
    inputs.push_back(tracer.input(TensorSpec(shape, value.dtype), value.device));
  }
  {
    const TraceScope scope(tracer);
    GradientTape tape({.watch_accessed_variables = false});
    std::vector<Source> sources;
    for (const auto& t : inputs) {
      if (is_trainable(t.dtype())) tape.watch(t);
      sources.emplace_back(t);
    }
    results = Replay(*lifted_).run(inputs);
    std::vector<Tensor> targets;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i].defined() || !is_trainable(results[i].dtype())) continue;
      targets.push_back(results[i]);
      seeds.push_back(input_like(results[i]));
      seeds_.push_back(static_cast<int>(i));
    }
    tracer.forget_line();
    gradients = tape.gradient(targets, sources, {.output_gradients = seeds});
  }
  for (const auto& t : results) tracer.result(t);
  for (const auto& t : gradients) {
    places_.push_back({joint->results.size() - results_, t.is_sparse(), t.is_sparse() ? Shape(t.shape()) : Shape()});
    tracer.result(t.is_sparse() ? t.values() : t);
    if (t.is_sparse()) tracer.result(t.indices());
  }

  const auto seed_values = std::span(joint->inputs).last(seeds.size());
  std::vector<bool> is_late(joint->values.size()), is_kept(joint->values.size());
  for (int v : seed_values) is_late[at(v)] = true;
  std::vector<bool> is_constant(joint->values.size());  // and what follows from constants: both halves have it
  for (const auto& constant : joint->constants) is_constant[at(constant.value)] = true;
  std::vector<int> kept;
  const auto keep = [&](int v) {
    if (v < 0 || is_late[at(v)] || is_constant[at(v)] || is_kept[at(v)]) return;
    is_kept[at(v)] = true;
    kept.push_back(v);
  };
  const std::vector<int> carriers = size_carriers(*joint);
  for (const auto& node : joint->nodes) {
    const bool late = std::any_of(node.inputs.begin(), node.inputs.end(), [&](int v) { return is_late[at(v)]; });
    const bool constant =
        !node.inputs.empty() && !node.op->random &&
        std::all_of(node.inputs.begin(), node.inputs.end(), [&](int v) { return is_constant[at(v)]; });
    for (int v : node.outputs) is_late[at(v)] = late;
    for (int v : node.outputs) is_constant[at(v)] = constant;
    if (!late) continue;
    for (int v : node.inputs) keep(v);
    for_each_needed_size(*joint, carriers, node, [&](std::size_t symbol) { keep(carriers[symbol]); });
  }
  for (std::size_t i = results_; i < joint->results.size(); ++i) keep(joint->results[i]);

  auto forward = joint->copy();
  forward->inputs.resize(inputs.size());
  forward->results.resize(results_);
  forward->results.insert(forward->results.end(), kept.begin(), kept.end());
  std::erase_if(forward->nodes, [&](const Node& node) { return is_late[at(node.outputs[0])]; });
  backward_ = joint->copy();
  backward_->inputs = kept;
  backward_->inputs.insert(backward_->inputs.end(), seed_values.begin(), seed_values.end());
  backward_->results.assign(joint->results.begin() + static_cast<std::ptrdiff_t>(results_), joint->results.end());
  std::erase_if(backward_->nodes, [&](const Node& node) {
    return !is_late[at(node.outputs[0])] && !is_constant[at(node.outputs[0])];
  });
  prune(*forward);
  prune(*backward_);
  forward->check();
  backward_->check();
  forward_ = std::make_unique<Executable>(std::move(forward));
}

std::string CallGradient::explain() const {
  std::string out = "under a tape, forward:\n" + forward_->explain();
  std::lock_guard lock(mutex_);
  for (const auto& [wanted, executable] : backwards_) out += "under a tape, backward:\n" + executable->explain();
  return out;
}

/// The backward half that computes just the gradients that are wanted.
const Executable& CallGradient::backward(const std::vector<bool>& wanted) const {
  std::lock_guard lock(mutex_);
  for (const auto& [mask, executable] : backwards_)
    if (mask == wanted) return *executable;
  auto part = backward_->copy();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i]) continue;
    part->results[places_[i].first] = -1;
    if (places_[i].is_sparse) part->results[places_[i].first + 1] = -1;
  }
  prune(*part);
  return *backwards_.emplace_back(wanted, std::make_unique<Executable>(std::move(part))).second;
}

/// The gradients of the inputs.
std::vector<Tensor> CallGradient::run_backward(
    const std::vector<bool>& wanted, std::span<const Tensor> operands) const {
  const auto results = backward(wanted).run(operands);
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Tensor& first = results[places_[i].first];
    if (!wanted[i] || !places_[i].is_sparse) gradients.push_back(first);
    else gradients.push_back(make_sparse(places_[i].shape, first, results[places_[i].first + 1]));
  }
  return gradients;
}

/// Gradients of the results alone: the compiled backward half. Where a gradient of higher order reached what was kept,
/// the graph is replayed operation by operation.
void recorded_call_gradient(Gradient& g) {
  const auto& record = resource<Recorded>(g.attributes()[0]);
  const CallGradient& call = *record.gradient;
  std::vector<bool> wanted;
  for (std::size_t i = 0; i < record.inputs.size(); ++i) wanted.push_back(g.wants(static_cast<int>(i)));
  bool is_first_order = true;
  for (std::size_t i = 0; i < record.kept.size(); ++i)
    is_first_order = is_first_order && !g.has_dy(static_cast<int>(call.results_ + i));
  std::vector<Tensor> gradients;
  if (is_first_order) {
    std::vector<Tensor> operands = record.kept;
    for (int seed : call.seeds_) operands.push_back(g.dy(seed));
    gradients = call.run_backward(wanted, operands);
  } else {
    GradientTape tape({.watch_accessed_variables = false});
    std::vector<Source> sources;
    for (const auto& t : record.inputs) {
      if (is_trainable(t.dtype())) tape.watch(t);
      sources.emplace_back(t);
    }
    const auto outputs = Replay(call.forward_->traced()).run(record.inputs);
    std::vector<Tensor> targets, seeds;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].defined() || !is_trainable(outputs[i].dtype()) || !g.has_dy(static_cast<int>(i))) continue;
      targets.push_back(outputs[i]);
      seeds.push_back(g.dy(static_cast<int>(i)));
    }
    gradients = tape.gradient(targets, sources, {.output_gradients = seeds});
    // A tensor that was given twice is one source: its gradient counts once.
    for (std::size_t i = 0; i < gradients.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (record.inputs[i].impl() == record.inputs[k].impl()) wanted[i] = wanted[i] && !wanted[k];
  }
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (wanted[i] && gradients[i].defined()) g.set(static_cast<int>(i), gradients[i]);
}

// Never dispatched: the compiled forward half ran, unseen, and tapes are told of this in its place.
KEEN_OP(compiled_call){
    .name = "compiled_call",
    .arity = variadic,
    .outputs = variadic,
    .attributes = call_attribute,
    .gradient = recorded_call_gradient,
    .formula = "the results of a compiled function"};

std::vector<Tensor> CallGradient::call(
    std::shared_ptr<const CallGradient> gradient, std::span<const Tensor> arguments) {
  auto record = std::make_shared<Recorded>();
  record->inputs.assign(arguments.begin(), arguments.end());
  for (const auto& v : gradient->variables_) record->inputs.push_back(v.value());  // the tapes see it read
  record->inputs.insert(record->inputs.end(), gradient->followed_.begin(), gradient->followed_.end());
  std::vector<Tensor> outputs;
  {
    const EagerScope unseen;
    outputs = gradient->forward_->run(record->inputs);
    // Identities of their own, so that tapes cannot mistake a result for an input, or for another result.
    for (auto& t : outputs)
      if (t.defined()) t = make_view(*t.impl(), t.shape(), t.strides(), 0);
  }
  record->kept.assign(outputs.begin() + static_cast<std::ptrdiff_t>(gradient->results_), outputs.end());
  std::vector<Tensor> results(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(gradient->results_));
  std::vector<Operand> operands;
  for (const auto& t : record->inputs) operands.emplace_back(t);
  record->gradient = std::move(gradient);
  const Attribute attributes[] = {std::shared_ptr<void>(record)};
  for (Observer* o = thread_context.observers; o;) {
    Observer* outer = o->outer;
    o->observe(compiled_call_op, operands, attributes, outputs);
    o = outer;
  }
  return results;
}

}  // namespace keen::detail
