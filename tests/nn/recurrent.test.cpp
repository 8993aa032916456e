// LSTMCell and RNN: one step by its formula, and over time in every form of loop.
#include "keen/nn/recurrent.h"

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

// Program 7 of the project's list.
struct DynamicRNN : nn::Module {
  nn::LSTMCell cell = member("cell", nn::LSTMCell(4));
  auto operator()(const Tensor& input) {  // (batch, time, features)
    Tensor x = transpose(input, {1, 0, 2});
    TensorArray outputs(float32, x.dim(0));
    auto state = cell.zero_state(x.dim(1));
    for (int64_t t : range(x.dim(0))) {
      auto [y, next] = cell(x[t], state);
      state = next;
      outputs = outputs.write(t, y);
    }
    return std::pair{transpose(outputs.stack(), {1, 0, 2}), state};
  }
  auto staged(const Tensor& input) {
    Tensor x = transpose(input, {1, 0, 2});
    TensorArray outputs(float32, x.dim(0));
    auto state = cell.zero_state(x.dim(1));
    for (Tensor t : range(x.dim(0), carry(state, outputs))) {
      auto [y, next] = cell(x[t], state);
      state = next;
      outputs = outputs.write(t, y);
    }
    return std::pair{transpose(outputs.stack(), {1, 0, 2}), state};
  }
};

}  // namespace

TEST_CASE("a cell's step follows its formula", "[nn][recurrent]") {
  nn::LSTMCell cell(
      1, {.kernel_initializer = initializers::constant(0.5), .recurrent_initializer = initializers::constant(0.25)});
  const auto [y, next] = cell(constant({{1.f, 2.f}}), {constant({{0.4f}}), constant({{-0.3f}})});
  const double z = 0.5 * 3 + 0.25 * 0.4, i = 1 / (1 + std::exp(-z)), f = 1 / (1 + std::exp(-z - 1));
  const double c = f * -0.3 + i * std::tanh(z), h = i * std::tanh(c);
  CHECK(next.c.item<float>() == Approx(c));
  CHECK(y.item<float>() == Approx(h));
  CHECK(array_equal(y, next.h));
  REQUIRE(cell.trainable_variables().size() == 3);
  CHECK(cell.variables()[0].name() == "lstm_cell/kernel");
  CHECK_THROWS_AS(cell(ones({1, 3}), cell.zero_state(1)), ShapeError);
  CHECK_THROWS_AS(nn::LSTMCell(0), UsageError);
}

TEST_CASE("program 7 gives the same eagerly, unrolled, staged and as RNN", "[nn][recurrent]") {
  DynamicRNN net;
  const Tensor x = random::normal({3, 5, 2}, {.seed = 1});
  const auto [outputs, state] = net(x);
  const auto unrolled = function([&](const Tensor& in) { return net(in); });
  const auto staged = function([&](const Tensor& in) { return net.staged(in); });
  const nn::RNN rnn(net.cell, {.return_sequences = true});
  const auto scanned =
      function([&](const Tensor& in) { return rnn(in); }, {.input_signature = {TensorSpec({unknown, unknown, 2})}});
  CHECK(allclose(unrolled(x).first, outputs, 1e-5, 1e-6));
  CHECK(allclose(staged(x).first, outputs, 1e-5, 1e-6));
  CHECK(allclose(staged(x).second.c, state.c, 1e-5, 1e-6));
  CHECK(allclose(rnn(x), outputs, 1e-5, 1e-6));
  CHECK(allclose(scanned(x), outputs, 1e-5, 1e-6));
  CHECK(scanned(ones({2, 9, 2})).shape() == Shape{2, 9, 4});
  CHECK(allclose(nn::RNN(net.cell)(x), state.h, 1e-5, 1e-6));
}

TEST_CASE("a step of training through time is the same in every form", "[nn][recurrent]") {
  DynamicRNN net;
  const Tensor x = random::normal({3, 4, 2}, {.seed = 1});
  net(x);
  const auto gradients = [&](auto forward) {
    return [=, &net](const Tensor& in) {
      GradientTape tape;
      Tensor loss = mean(square(forward(in)));
      return tape.gradient(loss, net.trainable_variables());
    };
  };
  const auto eager = gradients([&](const Tensor& in) { return net(in).first; })(x);
  const nn::RNN rnn(net.cell, {.return_sequences = true});
  const auto staged = function(gradients([&](const Tensor& in) { return net.staged(in).first; }))(x);
  const auto scanned = function(gradients([&](const Tensor& in) { return rnn(in); }))(x);
  REQUIRE(eager.size() == 3);
  for (std::size_t i = 0; i < eager.size(); ++i) {
    CHECK(allclose(staged[i], eager[i], 1e-4, 1e-6));
    CHECK(allclose(scanned[i], eager[i], 1e-4, 1e-6));
  }
}
