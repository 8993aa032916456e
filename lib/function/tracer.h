// The tracer: an interpreter that puts operations into a graph instead of running them.
#pragma once
#include <map>
#include <memory>
#include <unordered_set>

#include "function/graph.h"
#include "keen/function/tensor_spec.h"

namespace keen::detail {

class Bindings;

/// A part of a program that is traced once asks for the value of a tensor, which differs from turn to turn: what holds the
/// part cannot become one operation.
class HostDecision : public UsageError {
  using UsageError::UsageError;
};

/// Traces into one graph. A tracer with an outer one traces a part of the outer's program (a branch, the body of a
/// loop): what it takes from there becomes an input, a capture.
class Tracer : public Interpreter {
 public:
  explicit Tracer(Graph& graph, Tracer* outer = nullptr);
  virtual ~Tracer() = default;
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// A symbolic argument; each unknown dimension becomes a symbol of its own.
  Tensor input(const TensorSpec& spec, Device device);
  /// Adds to what the graph returns.
  void result(const Tensor& tensor);
  /// The trace cannot become a program; said when it ends.
  void spoil(const char* reason) noexcept { spoilt_ = reason; }
  void check_unspoilt() const;
  /// What `operation` names asks for values inside: it is run as the host's own, turn by turn.
  virtual void unstage(const char* operation) { static_cast<void>(operation); }
  /// A `for` over range(n, carry(…)) begins at this place of the program: does the host take its turns?
  virtual bool host_takes(const std::source_location& loop) { return static_cast<void>(loop), false; }
  /// The bodies of these ask for values, and cannot be run again by themselves.
  virtual void leave_to_host(const std::vector<std::source_location>& loops) { static_cast<void>(loops); }
  /// This part is the body of such a loop.
  void set_loop(const std::source_location& where) noexcept { loop_ = where; }
  /// The tensor of a value of this trace.
  Tensor tensor(int value) { return make(value); }
  /// The number of a tensor's value in this trace.
  int number_of(const Tensor& tensor) { return value_of(tensor.impl(), "trace"); }
  /// Deferred tensors (deferred.h) belong to the trace that made them.
  void own_deferred(const Tensor& tensor) { deferred_.push_back(tensor); }
  Tracer& owner_of_deferred(const Tensor& tensor);
  /// Gives a value of this trace a name, made unique by a number; returns it.
  std::string name(const Tensor& tensor, const std::string& wanted);

  void begin(std::span<const Operand> inputs) override;
  void note_line(const std::source_location& where) override;
  void interpret(
      const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
      std::span<Tensor> outputs) override;
  Tensor read(const std::shared_ptr<VariableState>& variable) override;
  std::optional<std::int64_t> ask(const Tensor& tensor, Question question) override;
  void check_creation() const override;
  std::int64_t derive(SizeOp op, std::int64_t a, std::int64_t b) override;
  Tensor initial_value(const Tensor& initial) override;
  std::uint64_t waiting_draws(const GeneratorState& stream) const override { return waiting_draws(stream, nullptr); }
  Tensor with_gradient(const Tensor& result, std::span<const Tensor> sources, const OwnGradient& gradient) override;
  /// Of the nodes before one.
  std::uint64_t waiting_draws(const GeneratorState& stream, const Node* until) const;

  Graph& graph() noexcept { return *graph_; }
  const Graph& graph() const noexcept { return *graph_; }
  /// The tracer of the trace around this part; null for a whole program.
  Tracer* outer() const noexcept { return outer_; }
  /// Output `at` of a node: the next one, or one that an earlier trace of the same program added.
  Tensor add_output(Node& node, std::size_t at, const ResultSpec& spec, Device device);
  /// The tensors from the outer trace that became inputs, in the order of these inputs.
  const std::vector<Tensor>& captures() const noexcept { return captures_; }
  /// The user's line at which the last operation with a known one began.
  const std::source_location& line() const noexcept { return line_; }
  /// What follows stands nowhere in the program.
  void forget_line() noexcept { line_ = {}; }
  const std::map<std::string, int>& names() const noexcept { return names_; }
  /// Objects were written by what a node holds: they are read anew from now on.
  void wrote(const std::vector<std::shared_ptr<void>>& objects);
  /// Reads in the outer trace of variables that this part writes become reads here, at its start: each turn of a loop
  /// sees what the turn before it wrote.
  void read_here(const std::vector<std::shared_ptr<void>>& written);
  /// Captures what carries the sizes that nodes of this part name and none of its inputs has.
  void capture_sizes();
  /// Turns variables' creation into an error from now on.
  void forbid_variables() noexcept { may_create_ = false; }

 protected:
  bool may_create() const noexcept { return may_create_; }
  int value_of(TensorImpl* impl, const char* user);
  virtual Tensor make(int value);
  /// A read of a variable, as a node.
  virtual Tensor add_read(const std::shared_ptr<VariableState>& variable);
  /// Goes on in another graph, with nothing known of variables.
  void go_on_in(Graph& graph);
  void forget_reads() { reads_.clear(); }
  /// The sizes that are known of the call that is traced.
  virtual Bindings sizes_of_call() const;

  Graph* graph_;

 private:
  int capture(TensorImpl* impl);
  Tensor read_outside(const std::shared_ptr<VariableState>& variable);
  Tensor carrier_of(std::int64_t symbol);

  Tracer* outer_;
  Observer* outer_observers_;
  std::source_location line_;
  std::optional<std::source_location> loop_;  // whose body this is, of those that cannot be run again
  bool may_create_ = true;
  const char* spoilt_ = nullptr;
  std::unordered_map<const TensorImpl*, int> constants_;
  std::unordered_map<const TensorImpl*, int> captured_;
  std::vector<Tensor> captures_;
  // Reads of a variable that nothing has assigned since are one node.
  std::unordered_map<const VariableState*, Tensor> reads_;
  std::unordered_set<const void*> written_;
  struct Lifted {
    std::shared_ptr<VariableState> variable;
    Tensor read;  // in the outer trace
  };
  std::vector<Lifted> lifted_;
  std::map<std::string, int> names_;
  std::vector<Tensor> deferred_;
};

/// The tracer of this thread's innermost trace; null outside.
inline Tracer* current_tracer() noexcept { return static_cast<Tracer*>(thread_context.interpreter); }

/// While it lives, this thread's operations go into the tracer's graph; tapes from outside do not see them.
class TraceScope {
 public:
  explicit TraceScope(Tracer& tracer) noexcept { thread_context.interpreter = &tracer; }

 private:
  EagerScope outside_;  // restores interpreter and observers
};

}  // namespace keen::detail
