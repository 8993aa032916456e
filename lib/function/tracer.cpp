#include "function/tracer.h"

#include <algorithm>

#include "core/message.h"
#include "core/variable_state.h"
#include "function/lift.h"
#include "function/source_line.h"
#include "function/specialise.h"
#include "random/generator.h"

namespace keen::detail {

Tracer::Tracer(Graph& graph, Tracer* outer)
    : graph_(&graph), outer_(outer), outer_observers_(thread_context.observers) {
  if (const Tracer* around = outer ? outer : current_tracer()) line_ = around->line_;
}

Tensor Tracer::make(int value) {
  const Value& v = graph_->values[static_cast<std::size_t>(value)];
  return make_symbolic(v.dtype, v.shape, v.device, graph_->link(value));
}

Tensor Tracer::input(const TensorSpec& spec, Device device) {
  Shape shape = spec.shape;
  for (auto& dim : shape)
    if (dim == unknown) dim = graph_->new_symbol();
  graph_->inputs.push_back(graph_->add_value({spec.dtype, shape, device, spec.name}));
  return make(graph_->inputs.back());
}

void Tracer::result(const Tensor& tensor) {
  graph_->results.push_back(tensor.defined() ? value_of(tensor.impl(), "return") : -1);
}

std::string Tracer::name(const Tensor& tensor, const std::string& wanted) {
  checked(tensor, "named");
  const int value = value_of(tensor.impl(), "named");
  std::string name = wanted;
  for (int number = 1; names_.contains(name); ++number) name = text(wanted, '_', number);
  names_[name] = value;
  graph_->values[static_cast<std::size_t>(value)].name = name;
  return name;
}

/// The number of an operand: a value of this trace, one taken from the trace around it, or a tensor from outside, which
/// becomes a constant.
int Tracer::value_of(TensorImpl* impl, const char* user) {
  if (impl->is_sparse()) {  // the graph has its parts, and if need be what they stand for
    retain(impl);
    return value_of(densify(Tensor::adopt(impl)).impl(), user);
  }
  if (impl->is_symbolic()) {
    const TraceLink link = impl->extra->link;
    if (link.trace == graph_->link(0).trace) return link.value;
    if (outer_) return capture(impl);
    fail<UsageError>(
        user, "a tensor of shape ", impl->shape,
        " belongs to another trace and has no value here: return it from its function and pass it in");
  }
  if (outer_ && !(impl->flags & TensorImpl::from_number)) return capture(impl);
  const auto [place, is_new] = constants_.try_emplace(impl, 0);
  if (is_new) {
    retain(impl);  // kept by the graph: its address stays its own
    place->second = graph_->add_value({impl->dtype, impl->shape, impl->device, {}});
    graph_->constants.push_back({place->second, Tensor::adopt(impl)});
  }
  return place->second;
}

int Tracer::capture(TensorImpl* impl) {
  if (const auto found = captured_.find(impl); found != captured_.end()) return found->second;
  outer_->value_of(impl, "capture");  // throws for what is unknown there too
  const int value = graph_->add_value({impl->dtype, impl->shape, impl->device, {}});
  graph_->inputs.push_back(value);
  retain(impl);
  captures_.push_back(Tensor::adopt(impl));
  return captured_[impl] = value;
}

void Tracer::go_on_in(Graph& graph) {
  graph_ = &graph;
  constants_.clear();
  reads_.clear();
}

void Tracer::check_unspoilt() const {
  if (spoilt_) fail<UsageError>("trace", spoilt_);
}

Tracer& Tracer::owner_of_deferred(const Tensor& tensor) {
  for (Tracer* tracer = this; tracer; tracer = tracer->outer_)
    for (const Tensor& own : tracer->deferred_)
      if (own.impl() == tensor.impl()) return *tracer;
  fail<UsageError>("TensorArray", "the array belongs to the trace of another function");
}

namespace {

Device device_of(const Op& op, std::span<const Operand> inputs, Attributes attributes) {
  for (std::size_t i = 0; i < op.attributes.size(); ++i)
    if (op.attributes[i].kind == AttributeKind::device) return device(attributes[i]);
  for (const auto& in : inputs)
    if (!in.impl()->device.is_cpu() || !in.impl()->shape.empty()) return in.impl()->device;
  return inputs.empty() ? current_device() : inputs[0].impl()->device;
}

}  // namespace

std::int64_t Tracer::derive(SizeOp op, std::int64_t a, std::int64_t b) { return graph_->symbols.derive(op, a, b); }

void Tracer::begin(std::span<const Operand> inputs) {
  for (const auto& in : inputs)
    if (is_users(in.where())) return note_line(in.where());
}

void Tracer::note_line(const std::source_location& where) {
  if (!is_users(where)) return;
  for (Tracer* tracer = this; tracer; tracer = tracer->outer_) tracer->line_ = where;
}

void Tracer::interpret(
    const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
    std::span<Tensor> outputs) {
  Node node{&op, {}, {attributes.begin(), attributes.end()}, {}, {Calling::current(), line_}};
  node.unseen = thread_context.unseen;
  for (const auto& in : inputs) node.inputs.push_back(value_of(in.impl(), op.name));
  const Device device = device_of(op, inputs, attributes);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Shape shape = results[i].shape;
    for (auto& dim : shape)
      if (dim < 0 && !is_symbol(dim)) dim = graph_->new_symbol();
    node.outputs.push_back(graph_->add_value({results[i].dtype, shape, device, {}}));
    outputs[i] = make(node.outputs.back());
  }
  graph_->nodes.push_back(std::move(node));
  if (!op.effect) return;
  std::vector<std::shared_ptr<void>> objects;
  for (const auto& attribute : attributes)
    if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute)) objects.push_back(*object);
  wrote(objects);
}

Tensor Tracer::add_output(Node& node, std::size_t at, const ResultSpec& spec, Device device) {
  if (at < node.outputs.size()) return make(node.outputs[at]);
  Shape shape = spec.shape;
  for (auto& dim : shape)
    if (dim == unknown) dim = graph_->new_symbol();
  node.outputs.push_back(graph_->add_value({spec.dtype, shape, device, {}}));
  return make(node.outputs.back());
}

void Tracer::wrote(const std::vector<std::shared_ptr<void>>& objects) {
  for (const auto& object : objects) {
    reads_.erase(static_cast<const VariableState*>(object.get()));
    written_.insert(object.get());
  }
}

void Tracer::read_here(const std::vector<std::shared_ptr<void>>& written) {
  for (const auto& lifted : lifted_) {
    const auto is_it = [&](const auto& object) { return object.get() == lifted.variable.get(); };
    if (std::none_of(written.begin(), written.end(), is_it)) continue;
    const int value = captured_.at(lifted.read.impl());
    std::erase(graph_->inputs, value);
    std::erase_if(captures_, [&](const Tensor& t) { return t.impl() == lifted.read.impl(); });
    captured_.erase(lifted.read.impl());
    graph_->nodes.insert(
        graph_->nodes.begin(), {&read_variable_op, {}, {std::shared_ptr<void>(lifted.variable)}, {value}});
  }
}

Tensor Tracer::carrier_of(std::int64_t symbol) {
  for (std::size_t value = 0; value < graph_->values.size(); ++value)
    for (auto dim : graph_->values[value].shape)
      if (dim == symbol) return make(static_cast<int>(value));
  return outer_ ? outer_->carrier_of(symbol) : Tensor();
}

void Tracer::capture_sizes() {
  std::unordered_set<std::int64_t> known;
  const auto note = [&](int value) {
    const Shape& shape = graph_->values[at(value)].shape;
    known.insert(shape.begin(), shape.end());
  };
  const auto need = [&](std::int64_t dim) {
    if (!outer_ || !known.insert(dim).second) return;
    if (const Tensor carrier = outer_->carrier_of(dim); carrier.defined()) capture(carrier.impl());
  };
  for (int value : graph_->inputs) note(value);
  for (std::size_t i = 0; i < graph_->nodes.size(); ++i) {
    for_each_symbol(*graph_, graph_->nodes[i], [&](std::int64_t dim) {
      if (!known.contains(dim)) graph_->symbols.for_each_source(dim, need);
    });
    for (int value : graph_->nodes[i].outputs) note(value);
  }
}

Tensor Tracer::add_read(const std::shared_ptr<VariableState>& variable) {
  const Attribute attributes[] = {std::shared_ptr<void>(variable)};
  ResultSpec spec;
  Inference inference{read_variable_op, {}, attributes, {&spec, 1}};
  read_variable_op.infer(inference);
  graph_->nodes.push_back({&read_variable_op, {}, {attributes[0]}, {}});
  graph_->nodes.back().outputs = {graph_->add_value({spec.dtype, spec.shape, variable->device, {}})};
  return make(graph_->nodes.back().outputs[0]);
}

Tensor Tracer::read(const std::shared_ptr<VariableState>& variable) {
  Tensor& value = reads_[variable.get()];
  if (!value.defined() && outer_ && !written_.contains(variable.get())) {
    value = read_outside(variable);
  } else if (!value.defined()) {
    value = add_read(variable);
  }
  for (Observer* o = thread_context.observers; o; o = o->outer) o->observe_read(variable, value);
  return value;
}

/// Tapes of the outer trace see the read, so that gradients reach the variable.
Tensor Tracer::read_outside(const std::shared_ptr<VariableState>& variable) {
  EagerScope back;
  thread_context.interpreter = outer_;
  thread_context.observers = outer_observers_;
  Tensor read = outer_->read(variable);
  capture(read.impl());
  lifted_.push_back({variable, read});
  return read;
}

void Tracer::check_creation() const {
  for (const Tracer* tracer = this; tracer; tracer = tracer->outer_)
    if (!tracer->may_create_)
      fail<UsageError>(
          "Variable",
          "a function may create variables, also those of its layers and optimizers, while its first call is traced, "
          "and not later: create them once and keep them (build layers and optimizers before)");
}

Tensor Tracer::initial_value(const Tensor& initial) {
  check_creation();
  return initial.is_symbolic() ? lift(*this, value_of(initial.impl(), "Variable")) : initial;
}

Bindings Tracer::sizes_of_call() const { return Bindings(graph_->symbols); }

std::uint64_t Tracer::waiting_draws(const GeneratorState& stream, const Node* until) const {
  std::uint64_t blocks = outer_ ? outer_->waiting_draws(stream) : 0;
  const Bindings sizes = sizes_of_call();
  for (const Node& node : graph_->nodes) {
    if (&node == until) break;
    if (!node.op->random || node.may_be_absent) continue;  // what a variable starts with is drawn now
    std::vector<Attribute> attributes = node.attributes;
    sizes.substitute(*node.op, attributes);
    const Draw draw = draw_of(*node.op, attributes);
    if (draw.stream.get() == &stream) blocks += draw.blocks.value_or(0);
  }
  return blocks;
}

}  // namespace keen::detail
