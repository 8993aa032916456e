#include "keen/nn/recurrent.h"

#include <atomic>
#include <mutex>

#include "core/context.h"
#include "core/message.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "nn/module_state.h"
#include "ops/slicing.h"

namespace keen::nn {

using detail::fail;

struct LSTMCell::State final : detail::ModuleState {
  State(std::int64_t n, const LSTMCellOptions& o)
      : ModuleState(o.name.empty() ? "lstm_cell" : o.name), units(n), options(o) {}

  void build(std::int64_t features) {
    if (built.load(std::memory_order_acquire)) return;
    std::lock_guard lock(build_mutex);
    if (built.load(std::memory_order_relaxed)) return;
    detail::CreationScope outside_tapes_and_traces;
    const Variable k(options.kernel_initializer({features, 4 * units}));
    const Variable r(options.recurrent_initializer({units, 4 * units}));
    const Tensor zero = zeros({units});
    const Variable b(concat({zero, ones({units}), zero, zero}));
    add_member("kernel", kernel = k);
    add_member("recurrent_kernel", recurrent = r);
    add_member("bias", bias = b);
    built.store(true, std::memory_order_release);
  }

  const std::int64_t units;
  const LSTMCellOptions options;
  Variable kernel, recurrent, bias;
  std::atomic<bool> built{false};
  std::mutex build_mutex;
};

LSTMCell::LSTMCell(std::int64_t units, const LSTMCellOptions& options)
    : Module(std::make_shared<State>(units, options)) {
  if (units < 1) fail<UsageError>("lstm_cell", "units = ", units, ": wants at least 1");
}

LSTMCell::State& LSTMCell::state() const noexcept { return static_cast<State&>(*module_state()); }
std::int64_t LSTMCell::units() const { return state().units; }

LSTMState LSTMCell::zero_state(detail::Dim batch, Where where) const {
  detail::note_line(where);
  const Tensor zero = zeros({batch.value, units()});
  return {zero, zero};
}

std::pair<Tensor, LSTMState> LSTMCell::operator()(const Tensor& x, const LSTMState& from, Where where) const {
  detail::note_line(where);
  State& s = state();
  if (x.rank() != 2 || x.shape().raw(1) < 0)
    fail<ShapeError>("lstm_cell", "wants inputs (batch, features), not ", x.shape());
  s.build(x.dim(1));
  if (x.dim(1) != s.kernel.dim(0))
    fail<ShapeError>("lstm_cell", "was built for ", s.kernel.dim(0), " features, not ", x.dim(1));
  const Tensor gates = matmul(x, s.kernel) + matmul(from.h, s.recurrent) + s.bias;
  const auto gate = [&](int i) { return detail::slice_axis(gates, 1, i * s.units, s.units); };
  const Tensor c = sigmoid(gate(1)) * from.c + sigmoid(gate(0)) * tanh(gate(2));
  const Tensor h = sigmoid(gate(3)) * tanh(c);
  return {h, {h, c}};
}

RNN::RNN(LSTMCell cell, const RNNOptions& options) : cell_(member("cell", std::move(cell))), options_(options) {}

std::pair<Tensor, LSTMState> RNN::run(const Tensor& x, const LSTMState& from, Where where) const {
  detail::note_line(where);
  if (x.rank() != 3) fail<ShapeError>("rnn", "wants inputs (batch, time, features), not ", x.shape());
  auto [last, outputs] = scan(
      [this](const LSTMState& state, const Tensor& step) {
        auto [y, next] = cell_(step, state);
        return std::pair{next, y};
      },
      from, transpose(x, {1, 0, 2}), {.reverse = options_.reverse});
  return {transpose(outputs, {1, 0, 2}), last};
}

Tensor RNN::operator()(const Tensor& x, Where where) const {
  detail::note_line(where);
  if (x.rank() != 3) fail<ShapeError>("rnn", "wants inputs (batch, time, features), not ", x.shape());
  auto [outputs, last] = run(x, cell_.zero_state(x.shape().raw(0)));
  return options_.return_sequences ? outputs : last.h;
}

}  // namespace keen::nn
