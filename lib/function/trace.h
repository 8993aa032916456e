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
  std::shared_ptr<const Plan> plan(const std::vector<Shape>& shapes, const std::vector<Shape>& strides) const {
    return executable_.plan(shapes, strides);
  }
  const Graph& graph() const noexcept { return *graph_; }
  /// What the compiler made of it.
  std::string explain() const { return executable_.explain(); }
  std::vector<std::string> kernel_ir() const { return executable_.kernel_ir(); }

 private:
  std::shared_ptr<const Graph> graph_;
  Executable executable_;
};

/// A stretch of a function's program without host decisions. It ends with the function's results, or where the host asked
/// for the value of a tensor: then what follows depends on the answer.
struct Segment {
  std::shared_ptr<Graph> recorded = std::make_shared<Graph>();  // as it was traced, nothing left out
  std::map<std::string, int> names;
  std::shared_ptr<const Program> program;
  std::shared_ptr<const void> structure;  // of the function's results, at an end

  // Where the host asked: the graph's results are all tensors the program still held, and inputs of what follows.
  bool asks = false;
  Question question = Question::truth;
  std::size_t asked = 0;                                                // which result
  std::vector<std::pair<std::int64_t, std::unique_ptr<Segment>>> next;  // by answer

  // Of each `for` over range(n, carry(…)) that begins here: does the host take its turns?
  std::vector<bool> host_loops;

  Segment* after(std::int64_t answer) const noexcept;
};

/// A trace is its first segment.
struct Trace : Segment {
  std::string key;                // of the signature, with unknown dimensions where the trace has them
  std::vector<Variable> kept;     // so that the addresses in the key stay theirs
  std::vector<TensorSpec> specs;  // of the tensor arguments
  int segments = 0;
  bool warned = false;                                                       // of decisions that are not followed
  bool warned_of_bodies = false;                                             // that ask for values
  std::vector<std::source_location> host_loops_at;                           // whose bodies do, from now on
  std::unordered_map<std::string, std::shared_ptr<const Program>> programs;  // by content: equal segments share one
};

/// The program of a segment's graph; the trace's lock must be held.
std::shared_ptr<const Program> program_for(Trace& trace, const Graph& recorded);

// What a trace shows of itself. Where the host decides, of every segment.
/// "function: 6 operations traced, 2 pruned, 4 run", a line for each that was pruned, and what the compiler made of them.
std::string explain(const std::string& name, const Trace& trace);
/// The graphs, as text and for Graphviz.
std::string text_of(const Trace& trace);
std::string dot_of(const Trace& trace);
std::vector<std::string> kernel_ir(const Trace& trace);

}  // namespace keen::detail
