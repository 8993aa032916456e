// Traces callables into graphs, for the tests of this room.
#pragma once
#include <functional>
#include <memory>

#include "function/replay.h"
#include "function/tracer.h"

namespace keen::test {

using Body = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

inline std::shared_ptr<detail::Graph> traced(const std::vector<TensorSpec>& specs, const Body& body) {
  auto graph = std::make_shared<detail::Graph>();
  detail::Tracer tracer(*graph);
  std::vector<Tensor> arguments;
  for (const auto& spec : specs) arguments.push_back(tracer.input(spec, Device()));
  {
    detail::TraceScope scope(tracer);
    for (const Tensor& result : body(arguments)) tracer.result(result);
  }
  graph->check();
  return graph;
}

/// A graph for arguments like these.
inline std::shared_ptr<detail::Graph> traced_for(const std::vector<Tensor>& arguments, const Body& body) {
  std::vector<TensorSpec> specs;
  for (const auto& t : arguments) specs.emplace_back(t.shape(), t.dtype());
  return traced(specs, body);
}

}  // namespace keen::test
