// Trace: what one signature of a function became.
#pragma once
#include "function/executable.h"
#include "function/graph.h"
#include "function/signature.h"

namespace keen::detail {

/// A graph as it is run: a pruned copy of what was recorded, and its executable. The one place that knows what runs graphs.
class Program {
 public:
  explicit Program(const Graph& recorded);
  std::vector<Tensor> run(std::span<const Tensor> arguments) const { return executable_.run(arguments); }
  const Graph& graph() const noexcept { return *graph_; }
  /// What the compiler made of it.
  std::string explain() const { return executable_.explain(); }

 private:
  std::shared_ptr<const Graph> graph_;
  Executable executable_;
};

struct Trace {
  std::string key;                // of the signature, with unknown dimensions where the trace has them
  std::vector<Variable> kept;     // so that the addresses in the key stay theirs
  std::vector<TensorSpec> specs;  // of the tensor arguments
  std::unique_ptr<Graph> recorded = std::make_unique<Graph>();  // as it was traced, nothing left out
  std::map<std::string, int> names;
  std::shared_ptr<const Program> program;
  std::shared_ptr<const void> structure;
};

/// "function: 6 operations traced, 2 left out, 4 run", and a line for each that was left out.
std::string explain(const std::string& name, const Trace& trace);

}  // namespace keen::detail
