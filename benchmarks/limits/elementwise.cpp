// Elementwise workloads as one loop each, over two threads from a size where that pays. Compiled with fast mathematics:
// the tanh and exp are the C library's vector versions (up to 4 ULP).
#include <cmath>
#include <string>
#include <vector>

#include "harness/sizes.h"
#include "limits/limits.h"

namespace bench {
namespace {

/// Runs body(begin, end) over [0, n): in one piece, or over the threads from a size where that pays.
template <class Body>
void over(long n, Body body) {
  constexpr long parallel_from = 100'000, pieces = 64;
  if (n < parallel_from) return body(0L, n);
#pragma omp parallel for
  for (long p = 0; p < pieces; ++p) body(n * p / pieces, n * (p + 1) / pieces);
}

std::vector<float> ramp(long n) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = static_cast<float>(i % 1000) / 500.f - 1.f;
  return x;
}

void poly10(const float* __restrict x, float* __restrict y, long n) {
  const float a = 1.01f, b = 0.5f;
  over(n, [=](long begin, long end) {
    for (long i = begin; i < end; ++i) y[i] = ((((x[i] * a + b) * x[i] - a) * x[i] + b) * x[i] - a) * x[i] + b;
  });
}

void gelu(const float* __restrict x, float* __restrict y, long n) {
  over(n, [=](long begin, long end) {
    for (long i = begin; i < end; ++i)
      y[i] = 0.5f * x[i] * (1.f + std::tanh(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
  });
}

void add(const float* __restrict a, const float* __restrict b, float* __restrict c, long n) {
  over(n, [=](long begin, long end) {
    for (long i = begin; i < end; ++i) c[i] = a[i] + b[i];
  });
}

void softmax(const float* __restrict x, float* __restrict y, long rows, long columns) {
#pragma omp parallel for
  for (long r = 0; r < rows; ++r) {
    const float* in = x + r * columns;
    float* out = y + r * columns;
    float top = in[0], total = 0;
    for (long i = 0; i < columns; ++i) top = in[i] > top ? in[i] : top;
    for (long i = 0; i < columns; ++i) total += out[i] = std::exp(in[i] - top);
    for (long i = 0; i < columns; ++i) out[i] /= total;
  }
}

using Loop = void (*)(const float*, float*, long);

double microseconds(const Timer& timer, Loop loop, long n) {
  const std::vector<float> x = ramp(n);
  std::vector<float> y(x.size());
  return timer.us([&] {
    loop(x.data(), y.data(), n);
    keep(y[0]);
  });
}

}  // namespace

void add_elementwise(Suite& suite) {
  for (long n : elementwise_sizes) {
    suite.add("poly10_" + size_name(n) + "_us", "us", [n](const Timer& t) { return microseconds(t, poly10, n); });
    suite.add("gelu_" + size_name(n) + "_us", "us", [n](const Timer& t) { return microseconds(t, gelu, n); });
  }
  suite.add("softmax_1024x1024_us", "us", [](const Timer& timer) {
    const std::vector<float> x = ramp(1024 * 1024);
    std::vector<float> y(x.size());
    return timer.us([&] {
      softmax(x.data(), y.data(), 1024, 1024);
      keep(y[0]);
    });
  });
  for (long n : growth_sizes)
    suite.add("growth_add_" + size_name(n), "op/s", [n](const Timer& timer) {
      const std::vector<float> a = ramp(n), b = a;
      std::vector<float> c(a.size());
      return timer.rate([&] {
        add(a.data(), b.data(), c.data(), n);
        keep(c[0]);
      });
    });
}

}  // namespace bench
