#include "function/trace.h"

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

/// Bytes that are equal where graphs do the same.
class Content {
 public:
  std::string of(const Graph& graph) {
    for (const auto& value : graph.values) add(value.dtype), add(value.shape), add(value.device);
    for (const auto& constant : graph.constants) add(constant);
    add(graph.inputs), add(graph.results);
    for (const auto& node : graph.nodes) {
      add(node.op), add(node.inputs), add(node.outputs), add(node.unseen);
      if (node.op == &own_gradient_op && traced_gradient(node).part) {
        add(traced_gradient(node).sources), add(Content().of(traced_gradient(node).part->graph()));
        continue;
      }
      // What may fail says where it stands: sizes that are open may not fit.
      if (node.op->may_raise || !graph.symbols.empty()) add(node.origin);
      for (const auto& attribute : node.attributes) {
        add(attribute.index());
        std::visit([this](const auto& content) { add(content); }, attribute);
      }
    }
    return std::move(bytes_);
  }

 private:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void add(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void add(std::monostate) {}
  void add(const Shape& shape) { add(shape.to_vector()); }
  void add(const std::string& text) { add(text.size()), bytes_ += text; }
  void add(const std::shared_ptr<void>& object) { add(object.get()); }
  template <class T>
  void add(const std::vector<T>& list) {
    add(list.size());
    for (const T& element : list) add(element);
  }
  void add(const Constant& constant) {
    const TensorImpl& t = *constant.tensor.impl();
    add(constant.value);
    if (t.size == 1 && t.device.is_cpu()) bytes_.append(t.as<char>(), size_of(t.dtype));
    else add(&t);
  }
  std::string bytes_;
};

}  // namespace

std::shared_ptr<const Program> program_for(Trace& trace, const Graph& recorded) {
  auto& program = trace.programs[Content().of(recorded)];
  if (!program) program = std::make_shared<const Program>(recorded);
  return program;
}

}  // namespace keen::detail
