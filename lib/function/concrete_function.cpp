// Concrete functions: calls that fit one trace, and the parts of it that some values need.
#include "keen/function/concrete_function.h"

#include <algorithm>

#include "core/message.h"
#include "function/lift.h"
#include "function/replay.h"
#include "function/trace.h"

namespace keen::detail {

ConcreteCore::ConcreteCore(std::string name, std::shared_ptr<const Trace> trace, Follow follow)
    : name_(std::move(name)), trace_(std::move(trace)), follow_(std::move(follow)) {}

std::string ConcreteCore::graph() const { return text_of(*trace_); }
std::string ConcreteCore::dot() const { return dot_of(*trace_); }
std::string ConcreteCore::explain() const { return detail::explain(name_, *trace_); }
std::vector<std::string> ConcreteCore::kernel_ir() const { return detail::kernel_ir(*trace_); }

namespace {

std::string in_words(const std::vector<Leaf>& leaves) {
  std::string out;
  for (const auto& leaf : leaves) out += (out.empty() ? "" : ", ") + leaf.to_string();
  return '(' + out + ')';
}

[[noreturn]] void refuse(const std::string& name, const std::vector<Leaf>& wanted, const std::vector<Leaf>& given) {
  fail<UsageError>(name.c_str(), "this trace takes ", in_words(wanted), ", not ", in_words(given));
}

Tensor number_as(const Leaf& leaf, DType dtype) {
  const Operand number = leaf.kind == 'F' || leaf.kind == 'D' ? Operand(leaf.real) : Operand(leaf.integer);
  return number_tensor("function", number, dtype);
}

/// The tensors of a call, checked against the trace's form; numbers become what the trace has in their place.
std::vector<Tensor> arguments_for(const Trace& trace, const std::string& name, const Signature& call) {
  const auto wanted = leaves_of(trace.key), given = leaves_of(call.key());
  if (wanted.size() != given.size()) refuse(name, wanted, given);
  std::vector<Tensor> out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Leaf &w = wanted[i], &g = given[i];
    if (w.kind != 'T' && w.kind != 't') {
      if (w.to_string() != g.to_string()) refuse(name, wanted, given);
      continue;
    }
    const TensorSpec& spec = trace.specs[out.size()];
    Tensor tensor;
    if (g.is_number()) tensor = number_as(g, spec.dtype);
    else if (g.kind == 'T') tensor = call.tensors()[next++];
    else refuse(name, wanted, given);
    if (tensor.dtype() != spec.dtype || !fits(tensor.shape(), spec.shape) || tensor.device() != w.device)
      refuse(name, wanted, given);
    out.push_back(std::move(tensor));
  }
  return out;
}

int find_named(const Trace& trace, const std::string& function, const std::string& name) {
  if (const auto found = trace.names.find(name); found != trace.names.end()) return found->second;
  std::string known;
  for (const auto& [n, value] : trace.names) known += (known.empty() ? "" : ", ") + n;
  fail<UsageError>(
      function.c_str(), "no tensor is called '", name, "'; there are: ", known.empty() ? "none" : known,
      ". Name tensors with named(tensor, \"name\")");
}

/// Drops the effects on which no value of the graph's results depends: those on variables that are not read afterwards,
/// and all others.
void drop_unneeded_effects(Graph& graph) {
  std::vector<bool> needed(graph.values.size());
  const auto at = [](int value) { return static_cast<std::size_t>(value); };
  for (int value : graph.results) needed[at(value)] = true;
  std::vector<const void*> read;  // by what is needed so far, from the end
  std::vector<Node> kept;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    bool keep = std::any_of(node.outputs.begin(), node.outputs.end(), [&](int v) { return needed[at(v)]; });
    std::vector<const void*> objects;
    for (const auto& attribute : node.attributes)
      if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute)) objects.push_back(object->get());
    for (const void* object : objects)
      keep = keep || (node.op->effect && std::find(read.begin(), read.end(), object) != read.end());
    if (!keep) continue;
    read.insert(read.end(), objects.begin(), objects.end());
    for (int value : node.inputs) needed[at(value)] = true;
    kept.push_back(node);
  }
  graph.nodes.assign(kept.rbegin(), kept.rend());
}

/// Makes `value` an input: what used it takes the new one.
void feed(Graph& graph, int value) {
  const int fed = graph.add_value(graph.values[static_cast<std::size_t>(value)]);
  graph.inputs.push_back(fed);
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), value, fed);
  std::replace(graph.results.begin(), graph.results.end(), value, fed);
}

/// Everything must follow from the feeds alone.
void check_fed(const Graph& graph, const Graph& whole, const std::string& function) {
  for (const Node& node : graph.nodes)
    for (int value : node.inputs)
      if (std::find(whole.inputs.begin(), whole.inputs.end(), value) != whole.inputs.end())
        fail<UsageError>(
            function.c_str(), "the fetched tensors also depend on an argument of the function (by '", node.op->name,
            "'), which is not among the feeds");
}

}  // namespace

namespace {

void check_undecided(const Trace& trace, const std::string& function) {
  if (trace.asks)
    fail<UsageError>(
        function.c_str(),
        "the function's course depends on values of tensors (an if or a while of the host), so that one "
        "trace does not hold all of it, and none of its parts can be cut out: use cond and while_loop to prune it");
}

}  // namespace

Traced ConcreteCore::call(const Signature& arguments) const {
  std::vector<Tensor> tensors = arguments_for(*trace_, name_, arguments);
  if (trace_->asks) return follow_(std::move(tensors));
  // Another trace takes up the operations of this one.
  if (thread_context.interpreter) return {Replay(trace_->program->graph()).run(tensors), trace_->structure};
  return {trace_->program->run(tensors), trace_->structure};
}

ConcreteCore ConcreteCore::pruned(
    const std::vector<std::string>& fetches, const std::vector<std::string>& feeds) const {
  check_undecided(*trace_, name_);
  auto part = std::make_shared<Trace>();
  part->recorded = clone(*trace_->recorded);
  Graph& graph = *part->recorded;
  graph.results.clear();
  for (const auto& name : fetches) graph.results.push_back(find_named(*trace_, name_, name));
  part->names = trace_->names;
  part->kept = trace_->kept;
  part->key = trace_->key;
  part->specs = trace_->specs;
  if (!feeds.empty()) {
    graph.inputs.clear();
    part->specs.clear();
    Signature signature;
    for (const auto& name : feeds) {
      const Value value = graph.values[static_cast<std::size_t>(find_named(*trace_, name_, name))];
      feed(graph, find_named(*trace_, name_, name));
      part->specs.emplace_back(value.shape, value.dtype, name);
      signature.argument(make_symbolic(value.dtype, value.shape, value.device, {}));
    }
    part->key = signature.key();
  }
  const auto needed = clone(graph);
  drop_unneeded_effects(*needed);
  if (!feeds.empty()) check_fed(*needed, *trace_->recorded, name_);
  part->program = std::make_shared<Program>(*needed);
  return {name_, std::move(part)};
}

}  // namespace keen::detail
