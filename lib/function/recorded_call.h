// Calls of compiled functions that a tape records: a compiled forward and a compiled backward, in the tape one operation.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "function/graph.h"
#include "keen/variable.h"

namespace keen::detail {

class Executable;

/// The two halves of a graph's gradient for known sizes. The forward half gives the results and what the backward half
/// wants kept; both come from one trace of the graph under a tape.
class CallGradient {
 public:
  /// Of a graph without effects and draws from shared streams (see `can_differentiate`), for arguments of these shapes.
  /// Gradients also reach these of its constants: tensors of the user's, from outside the function.
  CallGradient(const Graph& graph, std::span<const Shape> arguments, std::span<const Tensor> followed = {});
  ~CallGradient();

  /// Computes the results and tells this thread's observers of one operation from the arguments, the trainable
  /// variables that the graph reads, and the constants that are followed, to the results.
  static std::vector<Tensor> call(std::shared_ptr<const CallGradient> gradient, std::span<const Tensor> arguments);
  /// What the compiler made of both halves.
  std::string explain() const;

 private:
  friend void recorded_call_gradient(class Gradient& g);
  // An input's gradient among the results of the backward half: a tensor, or the values and indices of a sparse one.
  struct Place {
    std::size_t first;
    bool is_sparse;
    Shape shape;  // of a sparse one
  };
  const Executable& backward(const std::vector<bool>& wanted) const;
  std::vector<Tensor> run_backward(const std::vector<bool>& wanted, std::span<const Tensor> operands) const;

  std::shared_ptr<const Graph> lifted_;  // variables read are inputs behind the arguments, then what is followed
  std::vector<Variable> variables_;
  const std::vector<Tensor> followed_;
  std::size_t results_ = 0;
  std::unique_ptr<Executable> forward_;  // results, then what is kept
  std::shared_ptr<Graph> backward_;      // of what is kept, then of the results' gradients
  std::vector<Place> places_;            // an input of lifted_
  std::vector<int> seeds_;               // the results whose gradients the backward half takes
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<std::vector<bool>, std::unique_ptr<Executable>>> backwards_;  // by the inputs wanted
};

/// Can calls of the graph be recorded as one operation? Writes and draws from shared streams would be repeated by
/// gradients of higher order.
bool can_differentiate(const Graph& graph);

}  // namespace keen::detail
