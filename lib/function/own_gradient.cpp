#include "function/own_gradient.h"

#include <algorithm>

#include "function/passes/passes.h"
#include "function/replay.h"
#include "function/staged_ops.h"
#include "keen/autodiff/custom_gradient.h"
#include "random/draws.h"

namespace keen::detail {

extern const Op custom_function_op;

namespace {

constexpr AttributeSpec gradient_attribute[] = {{"gradient", AttributeKind::resource}};

Tensor same_elements(const TensorImpl& y, Attributes, const ResultSpec&) { return make_view(y, y.shape, y.strides, 0); }

std::vector<Tensor> gradients_from(
    const TracedGradient& own, const Tensor& dy, std::span<const Tensor> others, std::span<const Shape> shapes) {
  if (own.failure) std::rethrow_exception(own.failure);
  std::vector<Tensor> arguments{dy};
  arguments.insert(arguments.end(), others.begin(), others.end());
  const std::vector<Tensor> found = Replay(own.part->graph()).run(arguments);
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; 2 * i < found.size(); ++i) {
    const Tensor &dx = found[2 * i], &rows = found[2 * i + 1];
    gradients.push_back(rows.defined() && i < shapes.size() ? make_sparse(shapes[i], dx, rows) : dx);
  }
  return gradients;
}

}  // namespace

KEEN_OP(own_gradient){
    .name = "own_gradient",
    .arity = variadic,
    .attributes = gradient_attribute,
    .infer =
        [](Inference& in) {
          in.results[0] = {in.dtype(0), in.shape(0)};
        },
    .view = same_elements,
    .differentiable = Differentiable::no,  // tapes are told of custom_function in its place
    .formula = "x, with a gradient of its own"};

const TracedGradient& traced_gradient(const Node& node) { return resource<TracedGradient>(node.attributes[0]); }

Tensor Tracer::with_gradient(const Tensor& result, std::span<const Tensor> sources, const OwnGradient& gradient) {
  const auto line = line_;
  const auto own = std::make_shared<TracedGradient>();
  own->sources = sources.size();
  std::vector<Tensor> operands{result};
  operands.insert(operands.end(), sources.begin(), sources.end());
  PartTracer part(*this);
  try {
    const Tensor dy = part.input(spec_of(result), result.device());
    part.begin();
    const DrawsAside aside;
    std::vector<Tensor> found;
    for (const Tensor& dx : gradient(dy)) {
      const bool is_sparse = dx.defined() && dx.is_sparse();
      found.push_back(is_sparse ? dx.values() : dx);
      found.push_back(is_sparse ? dx.indices() : Tensor());
    }
    part.finish(found);
    own->part = std::make_shared<const Part>(part.graph());
    operands.insert(operands.end(), part.tracer().captures().begin(), part.tracer().captures().end());
  } catch (...) {
    own->failure = std::current_exception();
    part.end();
  }
  line_ = line;
  const Attribute attributes[] = {std::shared_ptr<void>(own)};
  const ResultSpec spec = spec_of(result);
  const std::vector<Operand> inputs(operands.begin(), operands.end());
  Tensor out;
  interpret(own_gradient_op, inputs, attributes, {&spec, 1}, {&out, 1});
  return out;
}

Tensor give_own_gradient(std::span<const Tensor> operands, Attributes attributes) {
  const ResultSpec spec = spec_of(operands[0]);
  Tensor result;
  if (Tracer* tracer = current_tracer()) {
    const std::vector<Operand> inputs(operands.begin(), operands.end());
    tracer->interpret(own_gradient_op, inputs, attributes, {&spec, 1}, {&result, 1});
  } else {
    result = same_elements(*operands[0].impl(), attributes, spec);
  }
  tell_own_gradient(operands, attributes, result);
  return result;
}

void tell_own_gradient(std::span<const Tensor> operands, Attributes attributes, const Tensor& result) {
  if (!thread_context.observers) return;
  const auto own = std::static_pointer_cast<TracedGradient>(*std::get_if<std::shared_ptr<void>>(&attributes[0]));
  const auto sources = operands.subspan(1, own->sources), rest = operands.subspan(1 + own->sources);
  std::vector<Shape> shapes;
  for (const Tensor& source : sources) shapes.push_back(source.shape());
  auto gradient =
      std::make_shared<CustomGradient>([own, shapes, others = std::vector<Tensor>(rest.begin(), rest.end())](
                                           const Tensor& dy) { return gradients_from(*own, dy, others, shapes); });
  const Attribute told[] = {std::shared_ptr<void>(std::move(gradient))};
  const std::vector<Operand> inputs(sources.begin(), sources.end());
  for (Observer* o = thread_context.observers; o;) {
    Observer* outer = o->outer;
    o->observe(custom_function_op, inputs, told, {&result, 1});
    o = outer;
  }
}

namespace {

bool has_own_gradients(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    const auto parts = parts_of(node);
    return node.op == &own_gradient_op ||
           std::any_of(parts.begin(), parts.end(), [](const Part* part) { return has_own_gradients(part->graph()); });
  });
}

std::shared_ptr<Part> plain(const Part& part) {
  auto graph = part.graph().copy();
  drop_own_gradients(*graph);
  return std::make_shared<Part>(std::move(graph));
}

void drop_in_parts(Node& node) {
  const auto parts = parts_of(node);
  if (std::none_of(parts.begin(), parts.end(), [](const Part* part) { return has_own_gradients(part->graph()); }))
    return;
  if (is_branch(*node.op)) {
    auto branches = std::make_shared<Branches>();
    for (const Part* part : parts) branches->push_back(plain(*part));
    node.attributes[0] = std::shared_ptr<void>(std::move(branches));
    return;
  }
  for (std::size_t i : {0, 1})
    if (const auto& part = *std::get_if<std::shared_ptr<void>>(&node.attributes[i]))
      node.attributes[i] = std::shared_ptr<void>(plain(*static_cast<const Part*>(part.get())));
}

}  // namespace

void drop_own_gradients(Graph& graph) {
  if (!has_own_gradients(graph)) return;
  Renaming names(graph);
  std::erase_if(graph.nodes, [&](Node& node) {
    names.rename_inputs(node);
    drop_in_parts(node);
    if (node.op != &own_gradient_op) return false;
    names.rename(node.outputs[0], node.inputs[0]);
    return true;
  });
  names.rename_results(graph);
}

}  // namespace keen::detail
