// StagedLoop: how the body of a loop, traced once, becomes one operation.
#pragma once
#include "function/staged_ops.h"
#include "keen/function/control_flow.h"

namespace keen::detail {

class StagedLoop {
 public:
  /// `invariants` are shapes for the carried tensors, absent for their own; slices of scanned ones are what turns see.
  StagedLoop(Tracer& outer, Leaves carried, const std::vector<keen::Shape>& invariants, Leaves scanned);
  /// The body is that of a `for` in the program, which nothing can run again by itself.
  void is_for_at(const std::source_location& where) { body_.tracer().set_loop(where); }
  /// Begins the body; gives what a turn finds: the carried tensors, then slices.
  Leaves open();
  /// Ends it with what it gives: the carried tensors, then what is to be stacked.
  void close(const Leaves& results);
  /// Leaves the trace as if there were no body.
  void abandon() { body_.end(); }
  /// Of a body that has ended: what it takes from outside of which its gradient names rows.
  Leaves read_by_rows() const;
  /// The loop's results, for a condition (perhaps absent) and a number of turns (an empty Shape for none).
  Leaves stage(const std::function<Tensor(const Leaves&)>& condition, const Shape& length, bool reverse);

 private:
  void check_turn(const Leaves& results) const;
  Leaves stage_with(Loop loop, const std::function<Tensor(const Leaves&)>& condition);

  Tracer& outer_;
  Leaves carried_, scanned_, found_;
  PartTracer body_;
  std::vector<std::size_t> staged_;  // the carried tensors that the loop really has
};

/// "(float32(3,), int32())".
std::string in_words(const Leaves& tensors);

}  // namespace keen::detail
