// One training step of the 784-256-128-10 network by hand: oneDNN for the products, plain loops for the rest, all on
// OpenMP's threads (OpenBLAS brings threads of its own, and the two pools would wait for each other).
#include <dnnl.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "harness/sizes.h"
#include "limits/limits.h"

namespace bench {
namespace {

using Floats = std::vector<float>;
constexpr int widths[] = {784, 256, 128, 10};
constexpr int layers = 3;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

struct Parameter {
  explicit Parameter(int size) : value(static_cast<std::size_t>(size)), gradient(value), mean(value), square(value) {}
  Floats value, gradient, mean, square;

  void adam(float rate) {
    const long n = static_cast<long>(value.size());
#pragma omp parallel for simd if (n > 20'000)
    for (long j = 0; j < n; ++j) {
      const auto i = static_cast<std::size_t>(j);
      mean[i] = 0.9f * mean[i] + 0.1f * gradient[i];
      square[i] = 0.999f * square[i] + 0.001f * gradient[i] * gradient[i];
      value[i] -= rate * mean[i] / (std::sqrt(square[i]) + 1e-7f);
    }
  }
};

void product(bool ta, bool tb, int m, int n, int k, const Floats& a, const Floats& b, Floats& c) {
  dnnl_sgemm(
      ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.f, a.data(), ta ? m : k, b.data(), tb ? k : n, 0.f, c.data(), n);
}

class Network {
 public:
  explicit Network(int batch) : batch_(batch), labels_(static_cast<std::size_t>(batch)) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0.f, 0.05f);
    for (int l = 0; l <= layers; ++l)
      x_.emplace_back(static_cast<std::size_t>(batch * widths[l])), dx_.push_back(x_.back());
    for (int l = 0; l < layers; ++l) {
      weights_.emplace_back(widths[l] * widths[l + 1]);
      biases_.emplace_back(widths[l + 1]);
      for (float& w : weights_.back().value) w = normal(random);
    }
    for (float& v : x_[0]) v = normal(random) * 20.f;
    for (int i = 0; i < batch; ++i) labels_[static_cast<std::size_t>(i)] = i % 10;
  }

  void step() {
    for (int l = 0; l < layers; ++l) forward(l);
    softmax_gradient();
    for (int l = layers - 1; l >= 0; --l) backward(l);
    for (int l = 0; l < layers; ++l) {
      weights_[at(l)].adam(learning_rate);
      biases_[at(l)].adam(learning_rate);
    }
  }

 private:
  void forward(int l) {
    const int n = widths[l + 1];
    product(false, false, batch_, n, widths[l], x_[l], weights_[l].value, x_[l + 1]);
    for (int r = 0; r < batch_; ++r) {
      float* y = x_[l + 1].data() + r * n;
      const float* bias = biases_[l].value.data();
      for (int i = 0; i < n; ++i) y[i] += bias[i];
      if (l + 1 < layers)
        for (int i = 0; i < n; ++i) y[i] = y[i] > 0 ? y[i] : 0;
    }
  }
  void softmax_gradient() {
    for (int r = 0; r < batch_; ++r) {
      const float* y = x_[layers].data() + r * 10;
      float* d = dx_[layers].data() + r * 10;
      float top = y[0], total = 0;
      for (int i = 1; i < 10; ++i) top = std::max(top, y[i]);
      for (int i = 0; i < 10; ++i) total += d[i] = std::exp(y[i] - top);
      for (int i = 0; i < 10; ++i) d[i] = (d[i] / total - (i == labels_[r] ? 1.f : 0.f)) / static_cast<float>(batch_);
    }
  }
  void backward(int l) {
    const int n = widths[l + 1], k = widths[l];
    Floats& d = dx_[l + 1];
    if (l + 1 < layers)
      for (std::size_t i = 0; i < d.size(); ++i) d[i] = x_[l + 1][i] > 0 ? d[i] : 0;
    product(true, false, k, n, batch_, x_[l], d, weights_[l].gradient);
    std::fill(biases_[l].gradient.begin(), biases_[l].gradient.end(), 0.f);
    for (int r = 0; r < batch_; ++r)
      for (int i = 0; i < n; ++i) biases_[l].gradient[i] += d[r * n + i];
    if (l > 0) product(false, true, batch_, k, n, d, weights_[l].value, dx_[l]);
  }

  int batch_;
  std::vector<int> labels_;
  std::vector<Floats> x_, dx_;
  std::vector<Parameter> weights_, biases_;
};

}  // namespace

void add_mlp(Suite& suite) {
  const auto add = [&](const std::string& name, int batch) {
    suite.add(name, "us", [batch](const Timer& timer) {
      Network network(batch);
      return timer.us([&] { network.step(); });
    });
  };
  for (int batch : mlp_batches) add("mlp_step_us_b" + std::to_string(batch), batch);
  for (int batch : growth_batches) add("growth_mlp_step_b" + std::to_string(batch), batch);
}

}  // namespace bench
