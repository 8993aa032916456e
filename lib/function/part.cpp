#include "function/part.h"

#include <algorithm>

#include "core/message.h"
#include "function/staged_ops.h"

namespace keen::detail {

Part::Part(std::shared_ptr<const Graph> graph) : graph_(std::move(graph)) {
  has_effects_ = std::any_of(graph_->nodes.begin(), graph_->nodes.end(), is_root);
  collect_writes(*graph_, writes_);
}

const Program& Part::program() const {
  std::call_once(ready_, [&] { program_.emplace(*graph_); });
  return *program_;
}

std::vector<Tensor> Part::run(std::span<const Tensor> arguments) const { return program().run(arguments); }

std::shared_ptr<const Plan> Part::plan(const std::vector<Shape>& shapes, const std::vector<Shape>& strides) const {
  return program().plan(shapes, strides);
}

void collect_writes(const Graph& graph, std::vector<std::shared_ptr<void>>& writes) {
  for (const Node& node : graph.nodes) {
    if (!is_root(node)) continue;
    for (const Part* part : parts_of(node)) writes.insert(writes.end(), part->writes().begin(), part->writes().end());
    if (node.op->composite) continue;
    for (const auto& attribute : node.attributes)
      if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute); object && *object)
        writes.push_back(*object);
  }
}

PartTracer::PartTracer(Tracer& outer) : outer_(outer), graph_(std::make_shared<Graph>()), tracer_(*graph_, &outer) {
  graph_->symbols = outer.graph().symbols;  // one numbering, so that shapes mean the same inside and outside
}

void PartTracer::finish(std::span<const Tensor> results) {
  tracer_.check_unspoilt();
  for (const auto& result : results) tracer_.result(result);
  end();
  tracer_.capture_sizes();
  outer_.graph().symbols = graph_->symbols;
}

std::vector<Tensor> align_captures(std::span<const PartInputs> parts) {
  std::vector<Tensor> all;
  const auto place_of = [&](const Tensor& tensor) {
    return std::find_if(all.begin(), all.end(), [&](const Tensor& t) { return t.impl() == tensor.impl(); }) -
           all.begin();
  };
  for (const auto& [part, given] : parts)
    for (const Tensor& tensor : part->tracer().captures())
      if (place_of(tensor) == static_cast<std::ptrdiff_t>(all.size())) all.push_back(tensor);
  for (const auto& [part, given] : parts) {
    Graph& graph = *part->graph();
    const auto captured =
        std::vector<int>(graph.inputs.begin() + static_cast<std::ptrdiff_t>(given), graph.inputs.end());
    std::vector<int> inputs(all.size(), -1);
    for (std::size_t i = 0; i < captured.size(); ++i)
      inputs[static_cast<std::size_t>(place_of(part->tracer().captures()[i]))] = captured[i];
    graph.inputs.resize(given);
    for (std::size_t i = 0; i < all.size(); ++i)
      graph.inputs.push_back(
          inputs[i] >= 0 ? inputs[i] : graph.add_value({all[i].dtype(), all[i].shape(), all[i].device(), {}}));
  }
  return all;
}

bool tell_size(const SizeTable& symbols, std::span<const Tensor> tensors, std::int64_t dim) {
  const auto has = [&](std::int64_t size) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const Tensor& t) {
      const Shape& shape = t.shape();
      return std::find(shape.begin(), shape.end(), size) != shape.end();
    });
  };
  bool follows = symbols.expression(dim);
  if (follows) symbols.for_each_source(dim, [&](std::int64_t source) { follows = follows && has(source); });
  return follows || has(dim);
}

ResultSpec spec_of(const Graph& graph, int value) {
  const Value& v = graph.values[static_cast<std::size_t>(value)];
  return {v.dtype, v.shape};
}
ResultSpec spec_of(const Tensor& tensor) { return {tensor.dtype(), tensor.shape()}; }

std::shared_ptr<Graph> retrace(Tracer& tracer, const Graph& graph, std::span<const ResultSpec> inputs) {
  auto made = std::make_shared<Graph>();
  made->symbols = tracer.graph().symbols;
  Tracer inner(*made);
  std::vector<Tensor> arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    arguments.push_back(inner.input(
        {inputs[i].shape, inputs[i].dtype}, graph.values[static_cast<std::size_t>(graph.inputs[i])].device));
  {
    TraceScope scope(inner);
    for (const Tensor& result : Replay(graph).run(arguments)) inner.result(result);
  }
  tracer.graph().symbols = made->symbols;
  return made;
}

}  // namespace keen::detail
