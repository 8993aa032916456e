// VariableState: what the handles of a Variable share.
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "keen/variable.h"

namespace keen::detail {

struct VariableState : std::enable_shared_from_this<VariableState> {
  explicit VariableState(Tensor initial)
      : value(std::move(initial)), shape(value.shape()), dtype(value.dtype()), device(value.device()) {}

  mutable std::mutex mutex;  // guards value and its elements while they are written
  Tensor value;              // contiguous, never external
  // What never changes is kept apart from the value, so that it is read without the mutex.
  const keen::Shape shape;
  const DType dtype;
  const Device device;
  std::string name;
  bool trainable = true;
};

/// The current value, counted; unwatched.
Tensor read(const VariableState& state);

/// A tensor to write the new value into: the current value itself (also its elements) when nothing else holds its
/// buffer, else a fresh one with the same elements when `copy_elements`. To be called, written and stored back with
/// the state's mutex held; on failure nothing has changed.
Tensor writable(VariableState& state, bool copy_elements);

/// Locks several variables, each named once, in one order for all threads: calls that lock the same ones never wait for
/// each other in a circle. Sorts `states` into that order.
std::vector<std::unique_lock<std::mutex>> lock_all(std::span<VariableState*> states);

/// Gives the variable a buffer that nothing else holds, with the same elements: the next write needs no memory.
void own_buffer(VariableState& state);

}  // namespace keen::detail
