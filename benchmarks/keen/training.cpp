// Training steps: forward, gradients of the mean cross-entropy, and the optimizer's update, on one random batch.
#include "harness/process.h"
#include "harness/sizes.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/nn/sequential.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/optimizers/optimizers.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {

using namespace keen;

Training mlp(int batch) {
  nn::Sequential model{nn::Dense(256, {.activation = relu}), nn::Dense(128, {.activation = relu}), nn::Dense(10)};
  return {model, optimizers::Adam(learning_rate), {batch, 784}};
}

Training lenet() {
  nn::Sequential model{
      nn::Conv2D(6, 5, {.padding = "same", .activation = relu}),
      nn::MaxPooling2D(2),
      nn::Conv2D(16, 5, {.activation = relu}),
      nn::MaxPooling2D(2),
      nn::Flatten(),
      nn::Dense(120, {.activation = relu}),
      nn::Dense(84, {.activation = relu}),
      nn::Dense(10)};
  return {model, optimizers::SGD(learning_rate, {.momentum = 0.9}), {64, 28, 28, 1}};
}

Tensor train(const Training& training, const std::vector<Variable>& variables, const Tensor& x, const Tensor& labels) {
  GradientTape tape;
  Tensor loss = mean(sparse_softmax_cross_entropy(labels, training.model(x)));
  training.optimizer.apply_gradients(tape.gradient(loss, variables), variables);
  return loss;
}

namespace {

std::function<void()> steps_of(const Training& training) {
  const Tensor x = random::normal(training.input);
  const Tensor labels = random::integers(0, 10, {training.input[0]}, {.dtype = int32});
  training.model(x);  // makes the variables
  return [=, variables = training.model.trainable_variables()] { keep(train(training, variables, x, labels)); };
}

}  // namespace

void train_lenet(int steps) {
  const auto step = steps_of(lenet());
  for (int i = 0; i < steps; ++i) step();
}

void add_training(Suite& suite) {
  const auto add = [&](const std::string& name, std::function<std::function<void()>()> make) {
    suite.add(name, "us", [make](const Timer& timer) { return timer.us(make()); });
  };
  for (int batch : mlp_batches) add("mlp_step_us_b" + std::to_string(batch), [batch] { return steps_of(mlp(batch)); });
  for (int batch : growth_batches)
    add("growth_mlp_step_b" + std::to_string(batch), [batch] { return steps_of(mlp(batch)); });
  add("lenet_step_us_b64", [] { return steps_of(lenet()); });
  add_neighbour(suite, [] { return steps_of(mlp(32)); });
}

}  // namespace bench
