// Softmax, log-softmax and cross-entropy over rows and columns, compiled once per instruction set.
#include "cpu/softmax_loops.h"

#include "scalar/functions.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

template <class T>
struct Softmax {
  using B = xsimd::batch<T>;
  static constexpr std::int64_t width = static_cast<std::int64_t>(B::size);
  static constexpr std::int64_t unroll = 4;     // independent chains
  static constexpr std::int64_t block = 2048;   // elements that a float adds up; blocks are added in double
  static constexpr T lowest = -scalar::Number<T>::infinity;

  /// The largest element so far; a NaN may be lost here, but not in the sum of exponentials.
  [[gnu::always_inline]] static B larger(B a, B b) { return scalar::select(a > b, a, b); }

  /// The first `count` elements, then -∞, whose exponential is 0.
  [[gnu::always_inline]] static B load_part(const T* x, std::int64_t count) {
    T padded[B::size];
    for (std::int64_t i = 0; i < width; ++i) padded[i] = i < count ? x[i] : lowest;
    return B::load_unaligned(padded);
  }
  [[gnu::always_inline]] static void store_part(T* y, B value, std::int64_t count) {
    T padded[B::size];
    value.store_unaligned(padded);
    for (std::int64_t i = 0; i < count; ++i) y[i] = padded[i];
  }

  static T largest_lane(B x) {
    T lane[B::size], top = lowest;
    x.store_unaligned(lane);
    for (T l : lane) top = l > top ? l : top;
    return top;
  }
  static T lane_sum(B x) {
    T lane[B::size];
    x.store_unaligned(lane);
    for (std::int64_t half = width / 2; half > 0; half /= 2)
      for (std::int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    return lane[0];
  }

  static T maximum(const T* x, std::int64_t n) {
    B top[unroll] = {B(lowest), B(lowest), B(lowest), B(lowest)};
    std::int64_t i = 0;
    for (; i + unroll * width <= n; i += unroll * width)
      for (std::int64_t u = 0; u < unroll; ++u) top[u] = larger(B::load_unaligned(x + i + u * width), top[u]);
    for (; i + width <= n; i += width) top[0] = larger(B::load_unaligned(x + i), top[0]);
    if (i < n) top[1] = larger(load_part(x + i, n - i), top[1]);
    return largest_lane(larger(larger(top[0], top[1]), larger(top[2], top[3])));
  }

  /// Σ exp(x - top) over a row; the exponentials go to y where there is one.
  template <bool keep>
  [[gnu::always_inline]] static T exponentials(T* y, const T* x, std::int64_t n, T top) {
    double total = 0;
    const B shift(top);
    for (std::int64_t begin = 0; begin < n; begin += block) {
      const std::int64_t end = n - begin < block ? n : begin + block;
      B sum[2] = {B(T(0)), B(T(0))};
      std::int64_t i = begin;
      auto step = [&](B& into) {
        const B e = scalar::exp(B::load_unaligned(x + i) - shift);
        if (keep) e.store_unaligned(y + i);
        into += e;
        i += width;
      };
      while (i + 2 * width <= end) {
        step(sum[0]);
        step(sum[1]);
      }
      if (i + width <= end) step(sum[0]);
      if (i < end) {
        const B e = scalar::exp(load_part(x + i, end - i) - shift);
        if (keep) store_part(y + i, e, end - i);
        sum[1] += e;
      }
      total += static_cast<double>(lane_sum(sum[0] + sum[1]));
    }
    return static_cast<T>(total);
  }

  static void softmax(void* out, const void* in, std::int64_t rows, std::int64_t n) {
    auto* y = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
      const T factor = T(1) / exponentials<true>(y, x, n, maximum(x, n));
      for (std::int64_t i = 0; i < n; ++i) y[i] *= factor;
    }
  }

  static void log_softmax(void* out, const void* in, std::int64_t rows, std::int64_t n) {
    auto* y = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
      const T top = maximum(x, n), log_sum = scalar::log(exponentials<false>(nullptr, x, n, top));
      for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - top) - log_sum;
    }
  }

  template <bool logarithm>
  static void columns(void* out, const void* in, std::int64_t stride, std::int64_t n) {
    auto* y = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    B top[unroll], sum[unroll];
    for (std::int64_t u = 0; u < unroll; ++u) top[u] = B(lowest), sum[u] = B(T(0));
    auto each = [&](auto f) {
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t u = 0; u < unroll; ++u) f(i * stride + u * width, u);
    };
    each([&](std::int64_t at, std::int64_t u) { top[u] = larger(B::load_unaligned(x + at), top[u]); });
    each([&](std::int64_t at, std::int64_t u) {
      const B e = scalar::exp(B::load_unaligned(x + at) - top[u]);
      if (!logarithm) e.store_unaligned(y + at);
      sum[u] += e;
    });
    for (auto& s : sum) s = logarithm ? scalar::log(s) : B(T(1)) / s;
    each([&](std::int64_t at, std::int64_t u) {
      const B value = logarithm ? (B::load_unaligned(x + at) - top[u]) - sum[u] : B::load_unaligned(y + at) * sum[u];
      value.store_unaligned(y + at);
    });
  }

  static void cross_entropy(void* out, const void* in, const std::int64_t* labels, std::int64_t rows, std::int64_t n) {
    auto* loss = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    for (std::int64_t r = 0; r < rows; ++r, x += n) {
      const T top = maximum(x, n);
      loss[r] = scalar::log(exponentials<false>(nullptr, x, n, top)) - (x[labels[r]] - top);
    }
  }

  static void cross_entropy_gradient(void* out, const void* in, const std::int64_t* labels, const void* gradient,
                                     std::int64_t rows, std::int64_t n) {
    auto* dx = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    auto* dy = static_cast<const T*>(gradient);
    for (std::int64_t r = 0; r < rows; ++r, x += n, dx += n) {
      const T sum = exponentials<true>(dx, x, n, maximum(x, n)), factor = dy[r] / sum;
      dx[labels[r]] -= sum;  // after the scaling: the label's probability minus 1
      for (std::int64_t i = 0; i < n; ++i) dx[i] *= factor;
    }
  }

  static constexpr SoftmaxLoops loops = {softmax,        log_softmax,   columns<false>,        columns<true>,
                                         unroll * width, cross_entropy, cross_entropy_gradient};
};

}  // namespace

const SoftmaxLoops softmax_loops[2] = {Softmax<float>::loops, Softmax<double>::loops};

}  // namespace keen::detail::cpu::KEEN_ISA
