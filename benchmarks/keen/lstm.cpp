// A training step of a long short-term memory over time: eager, and as one compiled function.
#include "harness/sizes.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/function/function.h"
#include "keen/nn/recurrent.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {
namespace {

using namespace keen;

struct Lstm {
  nn::RNN rnn{nn::LSTMCell(lstm_units), {.return_sequences = true}};
  optimizers::SGD optimizer{learning_rate};
  Tensor x = random::normal({lstm_batch, lstm_steps, lstm_features});

  Lstm() { rnn(x); }  // makes the variables
  /// The mean square of all outputs, made smaller.
  Tensor step(const Tensor& inputs) const {
    const std::vector<Variable> variables = rnn.trainable_variables();
    GradientTape tape;
    Tensor loss = mean(square(rnn(inputs)));
    optimizer.apply_gradients(tape.gradient(loss, variables), variables);
    return loss;
  }
};

}  // namespace

void add_lstm(Suite& suite) {
  suite.add("lstm_step_us", "us", [](const Timer& timer) {
    const Lstm lstm;
    return timer.us([&] { keep(lstm.step(lstm.x)); });
  });
  suite.add("lstm_step_us.compiled", "us", [](const Timer& timer) {
    const Lstm lstm;
    const auto step = function([&](const Tensor& inputs) { return lstm.step(inputs); });
    return timer.us([&] { keep(step(lstm.x)); });
  });
}

}  // namespace bench
