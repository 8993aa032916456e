#include "function/specialise.h"

#include <algorithm>

#include "core/message.h"
#include "function/source_line.h"
#include "function/staged_ops.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op ensure_shape_op, reshape_op, sum_op, sum_to_op;

void Bindings::bind(const Shape& symbolic, const Shape& actual, const char* what) {
  for (int axis = 0; axis < symbolic.rank(); ++axis) {
    if (!symbols_.has(symbolic[axis])) continue;
    auto& size = sizes_[at(symbol_number(symbolic[axis]))];
    if (actual[axis] < 0) {  // replayed in another trace, whose symbol it is
      if (size == unknown) size = actual[axis];
      continue;
    }
    if (size == unknown) size = size_of(symbolic[axis]).value_or(unknown);
    if (size >= 0 && size != actual[axis])
      fail<ShapeError>(
          what, "axis ", axis, " has size ", actual[axis],
          " in this call, where the function has the same as one of size ", size,
          ": unknown sizes that may differ are traced as such, e.g. by an input_signature with `unknown` for both");
    size = actual[axis];
  }
}

/// In a replay inside another trace, the operands of a size may be symbols of that one.
std::optional<std::int64_t> Bindings::size_of(std::int64_t dim) const {
  if (!is_symbol(dim)) return dim;
  if (!symbols_.has(dim)) return std::nullopt;
  if (const std::int64_t bound = sizes_[at(symbol_number(dim))]; bound != unknown) return bound;
  const SizeExpression* e = symbols_.expression(dim);
  if (!e) return std::nullopt;
  const auto computed = [](SizeOp op, std::int64_t x, std::int64_t y) {
    return is_symbol(x) || is_symbol(y) ? open_size(op, x, y) : compute_size(op, x, y);
  };
  if (e->op != SizeOp::add) {
    const auto a = size_of(e->a), b = size_of(e->b);
    return a && b ? std::optional(computed(e->op, *a, *b)) : std::nullopt;
  }
  std::int64_t sum = e->constant;
  for (const auto& term : e->terms) {
    const auto size = size_of(term.symbol);
    if (!size) return std::nullopt;
    sum = computed(SizeOp::add, sum, computed(SizeOp::multiply, *size, term.factor));
  }
  return sum;
}

void Bindings::substitute(Shape& dims) const {
  for (auto& dim : dims)
    if (is_symbol(dim)) dim = size_of(dim).value_or(dim);
}

void Bindings::substitute(const Op& op, std::vector<Attribute>& attributes) const {
  for (std::size_t i = 0; i < attributes.size(); ++i)
    if (op.attributes[i].kind == AttributeKind::shape)
      if (auto* shape = std::get_if<Shape>(&attributes[i])) substitute(*shape);
}

namespace {

/// What is still open belongs to another part of the program, or comes out as the graph runs.
void forget_symbols(Graph& graph) {
  graph.symbols = {};
  for (auto& value : graph.values)
    for (auto& dim : value.shape)
      if (is_symbol(dim)) dim = unknown;
}

/// Cuts a graph behind its first `count` nodes: what crosses are the results of the first part.
std::shared_ptr<Graph> cut_off(Graph& graph, std::size_t count, const Bindings& bindings) {
  auto rest = graph.copy();
  const auto cut = [&](auto& nodes) { return nodes.begin() + static_cast<std::ptrdiff_t>(count); };
  rest->nodes.erase(rest->nodes.begin(), cut(rest->nodes));
  graph.nodes.erase(cut(graph.nodes), graph.nodes.end());
  for (auto& value : rest->values) bindings.substitute(value.shape);
  for (auto& node : rest->nodes) bindings.substitute(*node.op, node.attributes);

  std::vector<bool> made(graph.values.size());
  for (int value : graph.inputs) made[at(value)] = true;
  for (const auto& node : graph.nodes)
    for (int value : node.outputs) made[at(value)] = true;
  std::vector<int> crossing;
  const auto cross = [&](int value) {
    if (value < 0 || !made[at(value)]) return;
    made[at(value)] = false;
    crossing.push_back(value);
  };
  for (const auto& node : rest->nodes)
    for (int value : node.inputs) cross(value);
  for (int value : rest->results) cross(value);
  // Sizes that come out of the first part, and that nothing else of what crosses tells.
  const std::vector<int> carriers = size_carriers(graph);
  std::vector<bool> known(carriers.size());
  for (int value : crossing)
    for (auto dim : rest->values[at(value)].shape)
      if (is_symbol(dim)) known[at(symbol_number(dim))] = true;
  for (const auto& node : rest->nodes)
    for_each_needed_size(*rest, carriers, node, [&](std::size_t symbol) {
      if (!known[symbol] && carriers[symbol] >= 0) cross(carriers[symbol]);
    });
  graph.results = rest->inputs = crossing;
  forget_symbols(graph);
  prune(*rest);
  return rest;
}

/// The shapes of a part's results for operands of these shapes; none where the part itself cannot tell, or raises.
std::vector<Shape> shapes_of(const Part& part, std::span<const Shape> operands) try {
  const Specialised made = specialise(part.graph(), operands);
  std::vector<Shape> out;
  if (made.rest) return out;
  for (int value : made.graph->results) out.push_back(made.graph->values[at(value)].shape);
  return out;
} catch (const ShapeError&) {  // of a branch that these sizes may never take
  return {};
} catch (const IndexError&) {
  return {};
}

std::vector<Shape> branch_shapes(const Node& node, std::span<const Shape> operands) {
  std::vector<Shape> common;
  for (const Part* part : parts_of(node)) {
    const auto shapes = shapes_of(*part, operands.subspan(1));
    if (common.empty()) common = shapes;
    if (shapes.empty() || shapes != common) return {};
  }
  return common;
}

std::vector<Shape> loop_shapes(const Node& node, std::span<const Shape> operands) {
  const Loop loop = loop_form(node.attributes);
  const auto carried = loop.carried;
  if (!loop.packed.empty() || !loop.unpacked.empty()) return {};
  std::vector<Shape> found(operands.begin(), operands.end());
  std::int64_t turns = loop.length.empty() ? unknown : loop.length[0];
  for (std::size_t i = carried; i < carried + loop.scanned; ++i) {
    turns = turns < 0 ? found[i][0] : std::min(turns, found[i][0]);
    found[i].erase(0);
  }
  auto shapes = shapes_of(*parts_of(node).back(), found);
  if (turns == 0 || shapes.empty() ||
      !std::equal(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(carried), shapes.begin()))
    return {};  // turns that change sizes, or none, which leave some of them open
  for (std::size_t i = carried; i < shapes.size(); ++i) shapes[i].insert(0, turns);
  return shapes;
}

/// What a branch or loop gives for operands of known sizes; none where only running it tells.
std::vector<Shape> result_shapes(const Graph& graph, const Node& node) {
  std::vector<Shape> operands;
  for (int value : node.inputs) operands.push_back(graph.values[at(value)].shape);
  auto shapes = is_branch(*node.op) ? branch_shapes(node, operands) : loop_shapes(node, operands);
  if (!std::all_of(shapes.begin(), shapes.end(), [](const Shape& s) { return s.is_known(); })) shapes.clear();
  return shapes;
}

/// Turns a sum_to of a known shape into the sum and the change of shape that it is.
void resolve_sum_to(Graph& graph, std::size_t n) {
  Node& node = graph.nodes[n];
  const Value from = graph.values[at(node.inputs[0])];
  const Shape to = ints(node.attributes[0]);
  const Shape axes = repeated_axes(from.shape, to);
  node.op = &reshape_op;
  if (axes.empty()) return;
  const int summed = graph.add_value({from.dtype, reduced_shape(from.shape, axes, true), from.device, {}});
  Node sum{&sum_op, {node.inputs[0]}, {axes, true}, {summed}, node.origin};
  node.inputs[0] = summed;
  graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(n), std::move(sum));
}

/// What the rule of a node's operation gives for operands of known sizes.
std::vector<ResultSpec> infer(const Graph& graph, const Node& node) {
  std::vector<Operand> inputs;
  for (int value : node.inputs) {
    const Value& v = graph.values[at(value)];
    inputs.emplace_back(make_symbolic(v.dtype, v.shape, v.device, {}));
  }
  std::vector<ResultSpec> results(node.outputs.size());
  Inference inference{*node.op, inputs, node.attributes, results};
  node.op->infer(inference);
  return results;
}

}  // namespace

Specialised specialise(const Graph& graph, std::span<const Shape> arguments) {
  auto made = graph.copy();
  Bindings bindings(graph.symbols);
  const auto set = [&](int value, const Shape& shape, const char* what) {
    bindings.bind(made->values[at(value)].shape, shape, what);
    made->values[at(value)].shape = shape;
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) set(graph.inputs[i], arguments[i], "an argument");
  for (std::size_t n = 0; n < made->nodes.size(); ++n) try {
      bindings.substitute(*made->nodes[n].op, made->nodes[n].attributes);
      if (made->nodes[n].op == &sum_to_op) resolve_sum_to(*made, n);
      Node& node = made->nodes[n];
      if (node.op->composite) {
        bool is_known = true;
        for (int value : node.outputs) {
          Shape& shape = made->values[at(value)].shape;
          bindings.substitute(shape);
          is_known = is_known && shape.is_known();
        }
        if (!is_known) {
          const auto shapes = result_shapes(*made, node);
          is_known = !shapes.empty();
          for (std::size_t i = 0; i < shapes.size(); ++i) set(node.outputs[i], shapes[i], node.op->name);
        }
        if (!is_known) {
          auto rest = cut_off(*made, n + 1, bindings);
          return {std::move(made), std::move(rest)};
        }
        continue;
      }
      const std::vector<ResultSpec> results = infer(*made, node);
      for (std::size_t i = 0; i < results.size(); ++i) set(node.outputs[i], results[i].shape, node.op->name);
      if (node.op == &ensure_shape_op) {  // now ensured
        node.op = &reshape_op;
        node.attributes = {results[0].shape};
      }
    } catch (const Error& error) {
      rethrow_from(error, made->nodes[n].origin);
    }
  forget_symbols(*made);
  return {std::move(made), nullptr};
}

}  // namespace keen::detail
