#include "function/specialise.h"

#include "core/message.h"

namespace keen::detail {

void Bindings::bind(const Shape& symbolic, const Shape& actual, const char* what) {
  for (int axis = 0; axis < symbolic.rank(); ++axis) {
    if (!is_symbol(symbolic[axis])) continue;
    auto& size = sizes_[static_cast<std::size_t>(symbol_number(symbolic[axis]))];
    if (size >= 0 && size != actual[axis])
      fail<ShapeError>(
          "function", "axis ", axis, " of ", what, " has size ", actual[axis],
          ", where the trace has the same as one of size ", size);
    size = actual[axis];
  }
}

void Bindings::substitute(Shape& dims) const {
  for (auto& dim : dims)
    if (is_symbol(dim)) dim = sizes_[static_cast<std::size_t>(symbol_number(dim))];
}

void Bindings::substitute(const Op& op, std::vector<Attribute>& attributes) const {
  for (std::size_t i = 0; i < attributes.size(); ++i)
    if (op.attributes[i].kind == AttributeKind::shape)
      if (auto* shape = std::get_if<Shape>(&attributes[i])) substitute(*shape);
}

std::shared_ptr<Graph> specialise(const Graph& graph, std::span<const Shape> arguments) {
  auto made = graph.copy();
  made->symbols = 0;
  Bindings bindings(graph.symbols);
  const auto at = [](int value) { return static_cast<std::size_t>(value); };
  const auto set = [&](int value, const Shape& shape, const char* what) {
    bindings.bind(graph.values[at(value)].shape, shape, what);
    made->values[at(value)].shape = shape;
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) set(graph.inputs[i], arguments[i], "an argument");
  for (auto& node : made->nodes) {
    bindings.substitute(*node.op, node.attributes);
    std::vector<Operand> inputs;
    for (int value : node.inputs) {
      const Value& v = made->values[at(value)];
      inputs.emplace_back(make_symbolic(v.dtype, v.shape, v.device, {}));
    }
    std::vector<ResultSpec> results(node.outputs.size());
    Inference inference{*node.op, inputs, node.attributes, results};
    node.op->infer(inference);
    for (std::size_t i = 0; i < results.size(); ++i) set(node.outputs[i], results[i].shape, node.op->name);
  }
  return made;
}

}  // namespace keen::detail
