// Softmax, log-softmax and cross-entropy over rows and columns, compiled once per instruction set.
#include "cpu/softmax_loops.h"

#include "scalar/functions.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

/// The first `count` elements, then -∞, whose exponential is 0.
template <class T>
[[gnu::always_inline]] inline xsimd::batch<T> load_row_end(const T* x, std::int64_t count) {
  using B = xsimd::batch<T>;
  alignas(sizeof(B)) T padded[B::size];
  B(-scalar::Number<T>::infinity).store_aligned(padded);
  for (std::int64_t i = 0; i < count; ++i) padded[i] = x[i];
  return B::load_aligned(padded);
}
template <class T>
[[gnu::always_inline]] inline void store_row_end(T* y, xsimd::batch<T> value, std::int64_t count) {
  using B = xsimd::batch<T>;
  alignas(sizeof(B)) T padded[B::size];
  value.store_aligned(padded);
  for (std::int64_t i = 0; i < count; ++i) y[i] = padded[i];
}
#ifdef __AVX512F__
[[gnu::always_inline]] inline xsimd::batch<float> load_row_end(const float* x, std::int64_t count) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(-__builtin_huge_val()), static_cast<__mmask16>((1u << count) - 1), x);
}
[[gnu::always_inline]] inline xsimd::batch<double> load_row_end(const double* x, std::int64_t count) {
  return _mm512_mask_loadu_pd(_mm512_set1_pd(-__builtin_huge_val()), static_cast<__mmask8>((1u << count) - 1), x);
}
[[gnu::always_inline]] inline void store_row_end(float* y, xsimd::batch<float> value, std::int64_t count) {
  _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1u << count) - 1), value);
}
[[gnu::always_inline]] inline void store_row_end(double* y, xsimd::batch<double> value, std::int64_t count) {
  _mm512_mask_storeu_pd(y, static_cast<__mmask8>((1u << count) - 1), value);
}
#endif

template <class T>
struct Softmax {
  using B = xsimd::batch<T>;
  static constexpr std::int64_t width = static_cast<std::int64_t>(B::size);
  static constexpr std::int64_t unroll = 4;    // independent chains
  static constexpr std::int64_t block = 2048;  // elements that a float adds up; blocks are added in double
  static constexpr T lowest = -scalar::Number<T>::infinity;

  /// The largest element so far; a NaN may be lost here, but not in the sum of exponentials.
  [[gnu::always_inline]] static B larger(B a, B b) { return scalar::select(a > b, a, b); }

  /// The lanes joined by halves.
  template <class Join>
  [[gnu::always_inline]] static T fold(B x, Join join) {
    alignas(sizeof(B)) T lane[B::size];
    x.store_aligned(lane);
    for (std::int64_t half = width / 2; half > 0; half /= 2)
      for (std::int64_t l = 0; l < half; ++l) lane[l] = join(lane[l], lane[l + half]);
    return lane[0];
  }
  static T largest_lane(B x) {
    return fold(x, [](T a, T b) { return a > b ? a : b; });
  }
  static T lane_sum(B x) {
    return fold(x, [](T a, T b) { return a + b; });
  }

  static T maximum(const T* x, std::int64_t n) {
    B top[unroll] = {B(lowest), B(lowest), B(lowest), B(lowest)};
    std::int64_t i = 0;
    for (; i + unroll * width <= n; i += unroll * width)
      for (std::int64_t u = 0; u < unroll; ++u) top[u] = larger(B::load_unaligned(x + i + u * width), top[u]);
    for (; i + width <= n; i += width) top[0] = larger(B::load_unaligned(x + i), top[0]);
    if (i < n) top[1] = larger(load_row_end(x + i, n - i), top[1]);
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
        const B e = scalar::exp(load_row_end(x + i, end - i) - shift);
        if (keep) store_row_end(y + i, e, end - i);
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
    auto each = [&](std::int64_t begin, std::int64_t end, auto f) {
      for (std::int64_t i = begin; i < end; ++i)
        for (std::int64_t u = 0; u < unroll; ++u) f(i * stride + u * width, u);
    };
    each(0, n, [&](std::int64_t at, std::int64_t u) { top[u] = larger(B::load_unaligned(x + at), top[u]); });
    for (std::int64_t begin = 0; begin < n; begin += 32) {  // sums of 32, then of these
      B part[unroll] = {B(T(0)), B(T(0)), B(T(0)), B(T(0))};
      each(begin, n < begin + 32 ? n : begin + 32, [&](std::int64_t at, std::int64_t u) {
        const B e = scalar::exp(B::load_unaligned(x + at) - top[u]);
        if (!logarithm) e.store_unaligned(y + at);
        part[u] += e;
      });
      for (std::int64_t u = 0; u < unroll; ++u) sum[u] += part[u];
    }
    for (auto& s : sum) s = logarithm ? scalar::log(s) : B(T(1)) / s;
    each(0, n, [&](std::int64_t at, std::int64_t u) {
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

  static void cross_entropy_gradient(
      void* out, const void* in, const std::int64_t* labels, const void* gradient, std::int64_t rows, std::int64_t n) {
    auto* dx = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    auto* dy = static_cast<const T*>(gradient);
    for (std::int64_t r = 0; r < rows; ++r, x += n, dx += n) {
      const T sum = exponentials<true>(dx, x, n, maximum(x, n)), factor = dy[r] / sum;
      dx[labels[r]] -= sum;  // after the scaling: the label's probability minus 1
      for (std::int64_t i = 0; i < n; ++i) dx[i] *= factor;
    }
  }

  static constexpr SoftmaxLoops loops = {softmax,       log_softmax,   columns<false>,        columns<true>,
                                         unroll* width, cross_entropy, cross_entropy_gradient};
};

}  // namespace

const SoftmaxLoops softmax_loops[2] = {Softmax<float>::loops, Softmax<double>::loops};

}  // namespace keen::detail::cpu::KEEN_ISA
