// Parts of programs as graphs of their own: the branches and loop bodies that control flow operations hold.
#pragma once
#include <functional>
#include <mutex>
#include <optional>

#include "function/trace.h"
#include "function/tracer.h"

namespace keen::detail {

/// A graph that an operation holds as an attribute; made ready when it first runs.
class Part {
 public:
  explicit Part(std::shared_ptr<const Graph> graph);
  const Graph& graph() const noexcept { return *graph_; }
  std::vector<Tensor> run(std::span<const Tensor> arguments) const;
  /// The plan for arguments of these shapes and strides; null if there is none that serves alone.
  std::shared_ptr<const Plan> plan(const std::vector<Shape>& shapes, const std::vector<Shape>& strides) const;
  /// Does it write, draw or print?
  bool has_effects() const noexcept { return has_effects_; }
  /// The variables and generators it changes.
  const std::vector<std::shared_ptr<void>>& writes() const noexcept { return writes_; }

 private:
  const Program& program() const;

  std::shared_ptr<const Graph> graph_;
  bool has_effects_ = false;
  std::vector<std::shared_ptr<void>> writes_;
  mutable std::once_flag ready_;
  mutable std::optional<Program> program_;
};

/// Traces a part of the program that the outer tracer traces. Between begin and end, operations go into the part.
class PartTracer {
 public:
  explicit PartTracer(Tracer& outer);
  Tensor input(const ResultSpec& spec, Device device) { return tracer_.input({spec.shape, spec.dtype}, device); }
  void begin() { scope_.emplace(tracer_); }
  void end() { scope_.reset(); }
  /// Ends the part; results become the graph's.
  void finish(std::span<const Tensor> results);
  const std::shared_ptr<Graph>& graph() const noexcept { return graph_; }
  Tracer& tracer() noexcept { return tracer_; }
  const Tracer& tracer() const noexcept { return tracer_; }

 private:
  Tracer& outer_;
  std::shared_ptr<Graph> graph_;
  Tracer tracer_;
  std::optional<TraceScope> scope_;
};

/// What all parts capture, each tensor once; every graph's inputs become `given` ones of its own and then these.
struct PartInputs {
  PartTracer* part;
  std::size_t given;
};
std::vector<Tensor> align_captures(std::span<const PartInputs> parts);

/// The objects that the nodes of a graph write, also inside the parts they hold.
void collect_writes(const Graph& graph, std::vector<std::shared_ptr<void>>& writes);
/// The graph again, for operands of these forms and the symbols of the tracer's graph.
std::shared_ptr<Graph> retrace(Tracer& tracer, const Graph& graph, std::span<const ResultSpec> inputs);
/// Do these tensors' shapes tell what size a symbol stands for?
bool tell_size(const SizeTable& symbols, std::span<const Tensor> tensors, std::int64_t dim);
/// The form of a value in a graph.
ResultSpec spec_of(const Graph& graph, int value);
ResultSpec spec_of(const Tensor& tensor);

/// A branch or loop in a trace, as tapes know it.
struct StagedNode {
  std::vector<Tensor> operands, outputs;
  const Op* op = nullptr;
  std::vector<Attribute> attributes = {};
};
/// Where its node is: in the trace that goes on, or in one around it; null if it was left behind, by a decision of the
/// host.
struct NodePlace {
  Tracer* tracer = nullptr;
  std::size_t index = 0;
  Node& node() const { return tracer->graph().nodes[index]; }
};
NodePlace find_node(const StagedNode& staged) noexcept;
/// Takes up the outputs that an earlier trace of the same program gave the node.
void meet_outputs(const std::shared_ptr<StagedNode>& staged, const NodePlace& place);
/// Gives the node more outputs, and attributes that make them; returns the place of the first.
std::size_t extend_node(
    StagedNode& staged, const NodePlace& place, std::vector<Attribute> attributes, std::span<const ResultSpec> outputs);

/// Tells the tapes of this trace that the outputs of a node from `first` on come from its operands.
void record_staged(const std::shared_ptr<StagedNode>& staged, std::size_t first, const Op& op);
/// Differentiates a part of a node's outputs, from `first` on.
void differentiate_branch(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first);
void differentiate_loop(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first);
/// The same for a node that was left behind, and can keep nothing for the way back any more: it is run again.
void differentiate_again(Gradient& g, const StagedNode& staged, std::size_t first);

/// What differentiating a part gives.
struct Split {
  std::shared_ptr<Graph> forward;  // the part; parts that it holds itself may have got more outputs
  std::vector<int> kept;           // values of it that the backward part needs, other than its inputs
  std::shared_ptr<Graph>
      backward;  // inputs: the part's, the kept values, gradients of the seeded results; results: see
                 // GradientsOfPart
};

/// The results of a backward part: gradients of the part's inputs, -1 where there is none, and behind them for each input
/// -1, or, where its gradient is sparse, the indices to its values.
class GradientsOfPart {
 public:
  GradientsOfPart(std::vector<int> values, std::size_t inputs) : values_(std::move(values)), inputs_(inputs) {}
  bool has(std::size_t i) const { return values_[i] >= 0; }
  bool is_sparse(std::size_t i) const { return indices(i) >= 0; }
  int values(std::size_t i) const { return values_[i]; }
  int indices(std::size_t i) const { return values_[inputs_ + i]; }
  /// The gradient of an input of this shape as one value of the trace that goes on in the backward part.
  int dense(Tracer& tracer, std::size_t i, const Shape& shape) const;

 private:
  std::vector<int> values_;
  std::size_t inputs_;
};
/// Differentiates those results that are seeded by those inputs that are wanted; the tracer learns of new sizes.
Split split(Tracer& tracer, const Graph& part, const std::vector<bool>& wanted, const std::vector<std::size_t>& seeded);
bool is_differentiable(const Graph& graph, int value);

}  // namespace keen::detail
