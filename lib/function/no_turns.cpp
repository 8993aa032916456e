#include "function/no_turns.h"

#include <algorithm>

#include "core/variable_state.h"
#include "function/staged_loop.h"
#include "keen/creation.h"
#include "keen/variable.h"

namespace keen::detail {
namespace {

// Never dispatched: tapes are told of it. The first inputs are the results, which other inputs might have changed:
// d input i = dy i, and zeros behind them.
KEEN_OP(no_turns){
    .name = "no_turns",
    .arity = variadic,
    .outputs = variadic,
    .gradient =
        [](Gradient& g) {
          for (int i = 0; i < g.inputs(); ++i) {
            if (!g.wants(i)) continue;
            g.set(i, i < g.outputs() ? g.dy(i) : zeros(g.in_shape(i), {.dtype = g.in_dtype(i)}));
          }
        },
    .formula = "what a loop began with"};

struct Body {
  Graph graph;  // around the body's: what it takes from outside are constants and reads here
  Leaves results;
};

void trace(Body& to, const Leaves& carried, const Leaves& scanned, const std::function<Leaves(const Leaves&)>& body) {
  Tracer outer(to.graph);
  const TraceScope scope(outer);
  StagedLoop loop(outer, carried, {}, scanned);
  to.results = body(loop.open());
  loop.abandon();
}

/// What tapes may have watched of it.
std::vector<Tensor> used_by(const Graph& graph) {
  std::vector<Tensor> out;
  for (const Constant& constant : graph.constants) out.push_back(constant.tensor);
  for (const Node& node : graph.nodes)
    if (node.op == &read_variable_op)
      out.push_back(Variable::from_state(std::static_pointer_cast<VariableState>(
                                             *std::get_if<std::shared_ptr<void>>(&node.attributes[0])))
                        .value());
  std::erase_if(out, [](const Tensor& t) { return !t.defined() || !is_trainable(t.dtype()); });
  return out;
}

}  // namespace

Leaves after_no_turns(const Leaves& carried, const Leaves& scanned, const std::function<Leaves(const Leaves&)>& body) {
  Body traced;
  const bool stacks = !scanned.empty();
  try {
    trace(traced, carried, scanned, body);
  } catch (const Error&) {
    if (stacks) throw;  // nothing else says what is stacked
    return carried;
  }
  Leaves inputs = carried;
  for (std::size_t i = carried.size(); i < traced.results.size(); ++i) {
    Shape shape = traced.results[i].shape();
    for (auto& dim : shape) dim = std::max<std::int64_t>(dim, 0);
    shape.insert(0, 0);
    const EagerScope unseen;
    inputs.push_back(zeros(shape, {.dtype = traced.results[i].dtype()}));
  }
  Leaves outputs;
  for (const Tensor& t : inputs) outputs.push_back(make_view(*t.impl(), t.shape(), t.strides(), 0));
  for (const Tensor& t : scanned)
    if (is_trainable(t.dtype())) inputs.push_back(t);
  for (Tensor& t : used_by(traced.graph)) inputs.push_back(std::move(t));
  const std::vector<Operand> operands(inputs.begin(), inputs.end());
  for (Observer* o = thread_context.observers; o; o = o->outer) o->observe(no_turns_op, operands, {}, outputs);
  return outputs;
}

}  // namespace keen::detail
