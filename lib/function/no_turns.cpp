#include "function/no_turns.h"

#include <algorithm>

#include "core/variable_state.h"
#include "function/staged_loop.h"
#include "keen/creation.h"
#include "keen/variable.h"

namespace keen::detail {
namespace {

constexpr AttributeSpec by_rows_attribute[] = {{"by_rows", AttributeKind::shape}};

Tensor no_rows(Shape shape, DType dtype) {
  const Shape whole = shape;
  shape[0] = 0;
  return make_sparse(whole, zeros(shape, {.dtype = dtype}), zeros({0}, {.dtype = DType::int64}));
}

// Never dispatched: tapes are told of it. The first inputs are the results, which other inputs might have changed:
// d input i = dy i, and behind them zeros, or no rows (those `by_rows` counts, of inputs that a body reads by rows).
KEEN_OP(no_turns){
    .name = "no_turns",
    .arity = variadic,
    .outputs = variadic,
    .attributes = by_rows_attribute,
    .gradient =
        [](Gradient& g) {
          const Shape by_rows = ints(g.attributes()[0]);
          for (int i = 0; i < g.inputs(); ++i) {
            if (!g.wants(i)) continue;
            if (i < g.outputs()) g.set(i, g.dy(i));
            else if (std::find(by_rows.begin(), by_rows.end(), i) != by_rows.end())
              g.set(i, no_rows(g.in_shape(i), g.in_dtype(i)));
            else g.set(i, zeros(g.in_shape(i), {.dtype = g.in_dtype(i)}));
          }
        },
    .formula = "what a loop began with"};

struct Body {
  Graph graph;  // around the body's: what it takes from outside are constants and reads here
  Leaves results;
  Leaves by_rows;  // of what it takes
};

void trace(Body& to, const Leaves& carried, const Leaves& scanned, const std::function<Leaves(const Leaves&)>& body) {
  Tracer outer(to.graph);
  const TraceScope scope(outer);
  StagedLoop loop(outer, carried, {}, scanned);
  to.results = body(loop.open());
  try {
    loop.close(to.results);
    to.by_rows = loop.read_by_rows();
  } catch (const Error&) {
    loop.abandon();  // what it reads counts as read whole
  }
}

/// What tapes may have watched of what the body uses; the places, behind `first` others, of what it reads by rows.
std::vector<Tensor> used_by(const Body& body, std::int64_t first, Shape& by_rows) {
  std::vector<Tensor> out;
  const auto add = [&](const Tensor& tensor, const auto& is_it) {
    if (!tensor.defined() || !is_trainable(tensor.dtype())) return;
    if (std::any_of(body.by_rows.begin(), body.by_rows.end(), is_it))
      by_rows.push_back(first + static_cast<std::int64_t>(out.size()));
    out.push_back(tensor);
  };
  for (const Constant& constant : body.graph.constants)
    add(constant.tensor, [&](const Tensor& t) { return t.impl() == constant.tensor.impl(); });
  for (const Node& node : body.graph.nodes)
    if (node.op == &read_variable_op)
      add(Variable::from_state(
              std::static_pointer_cast<VariableState>(*std::get_if<std::shared_ptr<void>>(&node.attributes[0])))
              .value(),
          [&](const Tensor& t) { return t.is_symbolic() && t.impl()->extra->link.value == node.outputs[0]; });
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
  Shape by_rows;
  for (Tensor& t : used_by(traced, static_cast<std::int64_t>(inputs.size()), by_rows)) inputs.push_back(std::move(t));
  const Attribute attributes[] = {by_rows};
  const std::vector<Operand> operands(inputs.begin(), inputs.end());
  for (Observer* o = thread_context.observers; o; o = o->outer) o->observe(no_turns_op, operands, attributes, outputs);
  return outputs;
}

}  // namespace keen::detail
