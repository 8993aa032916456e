// The workloads in LibTorch's C++, as its users write them. One file, since its headers take twenty seconds to compile.
#include <torch/torch.h>

#include "harness/process.h"
#include "harness/sizes.h"

namespace {

using bench::keep;
using bench::size_name;
using bench::Suite;
using bench::Timer;
using torch::Tensor;

void add_small(Suite& suite) {
  suite.add("add16_ns", "ns", [](const Timer& timer) {
    const Tensor a = torch::randn({16}), b = torch::randn({16});
    return timer.ns([&] { keep(a + b); });
  });
  suite.add("add16_grad_ns", "ns", [](const Timer& timer) {
    const Tensor a = torch::randn({16}, torch::requires_grad()), b = torch::randn({16});
    std::vector<Tensor> results;
    results.reserve(1000);
    return timer.ns_each(1000, [&] {
      for (int i = 0; i < 1000; ++i) results.push_back(a + b);
      results.clear();
    });
  });
  suite.add("chain100_fwdbwd_ns", "ns", [](const Timer& timer) {
    const Tensor x = torch::randn({16}), w = torch::ones({16}, torch::requires_grad());
    return timer.ns_each(100, [&] {
      Tensor y = x;
      for (int i = 0; i < 100; ++i) y = y * w;
      keep(torch::autograd::grad({y.sum()}, {w}));
    });
  });
  suite.add("series50_us", "us", [](const Timer& timer) {
    return timer.us([] {
      Tensor r = torch::tensor(0.f);
      for (int i = 0; i <= 50; ++i) r = r + torch::pow(torch::tensor(2.f), -i);
      keep(r);
    });
  });
}

Tensor poly10(const Tensor& x) {
  const float a = 1.01f, b = 0.5f;
  return ((((x * a + b) * x - a) * x + b) * x - a) * x + b;
}
Tensor gelu(const Tensor& x) { return 0.5f * x * (1.f + torch::tanh(0.79788456f * (x + 0.044715f * x * x * x))); }
Tensor softmax(const Tensor& x) {
  const Tensor e = torch::exp(x - std::get<0>(x.max(1, true)));
  return e / e.sum(1, true);
}

void add_elementwise(Suite& suite) {
  const auto add = [&](const std::string& name, at::IntArrayRef shape, Tensor (*f)(const Tensor&)) {
    suite.add(name, "us", [=, shape = shape.vec()](const Timer& timer) {
      const Tensor x = torch::randn(shape);
      return timer.us([&] { keep(f(x)); });
    });
  };
  for (long n : bench::elementwise_sizes) {
    add("poly10_" + size_name(n) + "_us", {n}, poly10);
    add("gelu_" + size_name(n) + "_us", {n}, gelu);
  }
  add("softmax_1024x1024_us", {1024, 1024}, softmax);
  add("softmax_1024x1024_us.library", {1024, 1024}, [](const Tensor& x) { return torch::softmax(x, 1); });
  for (long n : bench::growth_sizes)
    suite.add("growth_add_" + size_name(n), "op/s", [n](const Timer& timer) {
      const Tensor a = torch::randn({n}), b = torch::randn({n});
      return timer.rate([&] { keep(a + b); });
    });
}

void add_matrix(Suite& suite) {
  for (long n : bench::gemm_sizes)
    suite.add("gemm_" + std::to_string(n) + "_gflops", "GFLOP/s", [n](const Timer& timer) {
      const Tensor a = torch::randn({n, n}), b = torch::randn({n, n});
      return 2e-9 * static_cast<double>(n * n * n) / timer.seconds([&] { keep(torch::matmul(a, b)); });
    });
  for (long n : bench::dot_sizes)
    suite.add("dot_" + size_name(n) + "_us", "us", [n](const Timer& timer) {
      const Tensor a = torch::randn({1, n}), b = torch::randn({n, 1});
      return timer.us([&] { keep(torch::matmul(a, b)); });
    });
}

/// A model with its optimizer and one batch: calling it makes a training step.
template <class Optimizer>
class Training {
 public:
  template <class Options>
  Training(torch::nn::Sequential model, const Options& options, Tensor x)
      : model_(std::move(model)),
        optimizer_(model_->parameters(), options),
        x_(std::move(x)),
        labels_(torch::randint(10, {x_.size(0)}, torch::kLong)) {}
  void operator()() {
    optimizer_.zero_grad();
    torch::nn::functional::cross_entropy(model_->forward(x_), labels_).backward();
    optimizer_.step();
  }

 private:
  torch::nn::Sequential model_;
  Optimizer optimizer_;
  Tensor x_, labels_;
};

std::function<void()> mlp_step(int batch) {
  namespace nn = torch::nn;
  nn::Sequential model(nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 128), nn::ReLU(), nn::Linear(128, 10));
  return [training = std::make_shared<Training<torch::optim::Adam>>(
              model, torch::optim::AdamOptions(bench::learning_rate), torch::randn({batch, 784}))] { (*training)(); };
}

std::function<void()> lenet_step() {
  namespace nn = torch::nn;
  nn::Sequential model(
      nn::Conv2d(nn::Conv2dOptions(1, 6, 5).padding(2)), nn::ReLU(), nn::MaxPool2d(2),
      nn::Conv2d(nn::Conv2dOptions(6, 16, 5)), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Linear(400, 120),
      nn::ReLU(), nn::Linear(120, 84), nn::ReLU(), nn::Linear(84, 10));
  return [training = std::make_shared<Training<torch::optim::SGD>>(
              model, torch::optim::SGDOptions(bench::learning_rate).momentum(0.9), torch::randn({64, 1, 28, 28}))] {
    (*training)();
  };
}

/// The mean square of all outputs of an LSTM over time, made smaller by SGD.
std::function<void()> lstm_step() {
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(bench::lstm_features, bench::lstm_units).batch_first(true));
  auto optimizer =
      std::make_shared<torch::optim::SGD>(lstm->parameters(), torch::optim::SGDOptions(bench::learning_rate));
  const Tensor x = torch::randn({bench::lstm_batch, bench::lstm_steps, bench::lstm_features});
  return [=]() mutable {
    optimizer->zero_grad();
    std::get<0>(lstm->forward(x)).square().mean().backward();
    optimizer->step();
  };
}

void add_training(Suite& suite) {
  const auto add = [&](const std::string& name, std::function<std::function<void()>()> make) {
    suite.add(name, "us", [make](const Timer& timer) { return timer.us(make()); });
  };
  for (int batch : bench::mlp_batches)
    add("mlp_step_us_b" + std::to_string(batch), [batch] { return mlp_step(batch); });
  for (int batch : bench::growth_batches)
    add("growth_mlp_step_b" + std::to_string(batch), [batch] { return mlp_step(batch); });
  add("lenet_step_us_b64", lenet_step);
  add("lstm_step_us", lstm_step);
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite{
      .program = "libtorch",
      .set_threads = [](int threads) { at::set_num_threads(threads); },
      .train_lenet =
          [](int steps) {
            const auto step = lenet_step();
            for (int i = 0; i < steps; ++i) step();
          }};
  add_small(suite);
  add_elementwise(suite);
  add_matrix(suite);
  add_training(suite);
  bench::add_user_program(suite, LIBTORCH_TAPE_COMPILE, LIBTORCH_TAPE);
  bench::add_neighbour(suite, [] { return mlp_step(32); });
  bench::add_training_memory(suite);
  return bench::run_suite(suite, argc, argv);
}
