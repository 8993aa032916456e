#include "function/trace.h"

#include "function/content.h"
#include "function/lift.h"
#include "function/own_gradient.h"

namespace keen::detail {

namespace {
std::shared_ptr<const Graph> pruned(const Graph& recorded) {
  std::shared_ptr<Graph> graph = clone(recorded);
  prune(*graph);
  graph->check();
  return graph;
}
}  // namespace

Program::Program(const Graph& recorded) : graph_(pruned(recorded)), executable_(graph_) {}

Segment* Segment::after(std::int64_t answer) const noexcept {
  for (const auto& [known, segment] : next)
    if (known == answer) return segment.get();
  return nullptr;
}

namespace {

void add(Content& content, const Constant& constant) {
  const TensorImpl& t = *constant.tensor.impl();
  content.add(constant.value);
  if (t.size == 1 && t.device.is_cpu()) content.add(std::string(t.as<char>(), size_of(t.dtype)));
  else content.add(&t);
}

/// Equal where graphs do the same.
std::string content_of(const Graph& graph) {
  Content content;
  for (const auto& value : graph.values) content.add(value.dtype), content.add(value.shape), content.add(value.device);
  for (const auto& constant : graph.constants) add(content, constant);
  content.add(graph.inputs), content.add(graph.results);
  for (const auto& node : graph.nodes) {
    content.add(node.op), content.add(node.inputs), content.add(node.outputs), content.add(node.unseen);
    if (node.op == &own_gradient_op && traced_gradient(node).part) {
      content.add(traced_gradient(node).sources), content.add(content_of(traced_gradient(node).part->graph()));
      continue;
    }
    // What may fail says where it stands: sizes that are open may not fit.
    if (node.op->may_raise || !graph.symbols.empty()) content.add(node.origin);
    for (const auto& attribute : node.attributes) content.add(attribute);
  }
  return content.take();
}

}  // namespace

std::shared_ptr<const Program> program_for(Trace& trace, const Graph& recorded) {
  auto& program = trace.programs[content_of(recorded)];
  if (!program) program = std::make_shared<const Program>(recorded);
  return program;
}

}  // namespace keen::detail
