// The tracer: an interpreter that puts operations into a graph instead of running them.
#pragma once
#include <memory>

#include "function/graph.h"
#include "keen/function/tensor_spec.h"

namespace keen::detail {

class Tracer final : public Interpreter {
 public:
  explicit Tracer(Graph& graph) : graph_(graph) {}

  /// A symbolic argument; each unknown dimension becomes a symbol of its own.
  Tensor input(const TensorSpec& spec, Device device);
  /// Adds to what the graph returns.
  void result(const Tensor& tensor);

  void interpret(
      const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
      std::span<Tensor> outputs) override;
  Tensor read(const std::shared_ptr<VariableState>& variable) override;

 private:
  int value_of(TensorImpl* impl, const char* user);
  Tensor make(int value);
  Shape result_shape(const Op& op, std::span<const Operand> inputs, const Shape& inferred);

  Graph& graph_;
  std::unordered_map<const TensorImpl*, int> constants_;
  // Reads of a variable that nothing has assigned since are one node.
  std::unordered_map<const VariableState*, Tensor> reads_;
};

/// While it lives, this thread's operations go into the tracer's graph; tapes from outside do not see them.
class TraceScope {
 public:
  explicit TraceScope(Tracer& tracer) noexcept { thread_context.interpreter = &tracer; }

 private:
  EagerScope outside_;  // restores interpreter and observers
};

}  // namespace keen::detail
