// An LSTM over sequences of different lengths: a staged loop over time with a TensorArray, steps behind a sequence's end
// masked. It learns to tell whether the sum of a sequence is positive.
#include <keen/keen.h>

using namespace keen;

namespace {

struct DynamicRNN : nn::Module {
  nn::LSTMCell cell = member("cell", nn::LSTMCell(16));
  nn::Dense head = member("head", nn::Dense(1));

  /// x (batch, time, 1), lengths (batch,) → logits (batch,) at the end of each sequence, and all outputs.
  std::pair<Tensor, Tensor> operator()(const Tensor& x, const Tensor& lengths) const {
    const Tensor steps = transpose(x, {1, 0, 2});
    TensorArray outputs(float32, steps.dim(0));
    nn::LSTMState state = cell.zero_state(steps.dim(1));
    for (Tensor t : range(steps.dim(0), carry(state, outputs))) {
      auto [y, next] = cell(steps[t], state);
      const Tensor goes_on = expand_dims(t < lengths, 1);
      state = {where(goes_on, next.h, state.h), where(goes_on, next.c, state.c)};
      outputs = outputs.write(t, where(goes_on, y, zeros_like(y)));
    }
    return {squeeze(head(state.h), 1), transpose(outputs.stack(), {1, 0, 2})};
  }
};

}  // namespace

int main() {
  set_seed(2);
  constexpr int batch = 64, time = 12;
  DynamicRNN net;
  optimizers::Adam optimizer(1e-2);
  const auto draw = [] {
    const Tensor x = random::normal({batch, time, 1}), lengths = random::integers(3, time + 1, {batch});
    const Tensor mask = expand_dims(range(time).tensor(), 0) < expand_dims(lengths, 1);
    const Tensor labels = cast(sum(where(mask, squeeze(x, 2), 0.f), 1) > 0, float32);
    return std::array{x, lengths, labels};
  };
  auto step = function([&](const Tensor& x, const Tensor& lengths, const Tensor& labels) {
    GradientTape tape;
    const Tensor logits = net(x, lengths).first;
    const Tensor loss = mean(relu(logits) - logits * labels + log1p(exp(-abs(logits))));
    optimizer.apply_gradients(tape.gradient(loss, net.trainable_variables()), net.trainable_variables());
    return std::pair{loss, mean(cast((logits > 0) == (labels > 0.5f), float32))};
  });

  double accuracy = 0;
  for (int i = 0; i < 200; ++i) {
    const auto [x, lengths, labels] = draw();
    const auto [loss, right] = step(x, lengths, labels);
    accuracy = 0.95 * accuracy + 0.05 * right.item<float>();
    if (i % 40 == 39)
      std::cout << "step " << i + 1 << ": loss " << loss.item<float>() << ", accuracy " << accuracy << '\n';
  }
  const auto [x, lengths, labels] = draw();
  auto compiled = function([&](const Tensor& a, const Tensor& b) { return net(a, b); });
  const bool same = allclose(compiled(x, lengths).second, net(x, lengths).second, 1e-4, 1e-5);
  std::cout << (same ? "eager and compiled agree\n" : "eager and compiled differ\n");
  return same && accuracy > 0.85 ? 0 : 1;
}
