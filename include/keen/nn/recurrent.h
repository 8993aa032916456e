// Recurrent layers: a cell for one step, and RNN, which runs it over time.
#pragma once
#include "keen/function/control_flow.h"
#include "keen/nn/layers.h"

namespace keen::nn {

/// h: what the cell gives; c: what it remembers. Both (batch, units).
struct LSTMState {
  Tensor h, c;
};

struct LSTMCellOptions {
  initializers::Initializer kernel_initializer = "glorot_uniform";
  initializers::Initializer recurrent_initializer = "glorot_uniform";
  std::string name = {};
};

/// One step of a long short-term memory (Hochreiter and Schmidhuber 1997), with gates i, f, g, o in this order:
/// c' = σ(f)·c + σ(i)·tanh(g), h' = σ(o)·tanh(c'). Variables: kernel (features, 4·units), recurrent_kernel
/// (units, 4·units), bias (4·units,), which starts with ones for f.
class LSTMCell : public Module {
 public:
  explicit LSTMCell(std::int64_t units, const LSTMCellOptions& options = {});
  /// x (batch, features) → the output h' and the next state.
  std::pair<Tensor, LSTMState> operator()(
      const Tensor& x, const LSTMState& state, Where where = Where::current()) const;
  /// Zeros for a batch, whose size may be unknown inside a trace.
  LSTMState zero_state(detail::Dim batch, Where where = Where::current()) const;
  std::int64_t units() const;

 private:
  struct State;
  State& state() const noexcept;
};

struct RNNOptions {
  bool return_sequences = false;  ///< all outputs (batch, time, units) instead of the last (batch, units)
  bool reverse = false;           ///< from the last step to the first
};

/// A cell run over time: (batch, time, features) → its outputs, as one loop inside a compiled function.
class RNN : public Module {
 public:
  explicit RNN(LSTMCell cell, const RNNOptions& options = {});
  Tensor operator()(const Tensor& x, Where where = Where::current()) const;
  /// From a state of the caller's; gives all outputs (batch, time, units) and the last state.
  std::pair<Tensor, LSTMState> run(const Tensor& x, const LSTMState& from, Where where = Where::current()) const;

 private:
  LSTMCell cell_;
  RNNOptions options_;
};

}  // namespace keen::nn
