// Softmax, log-softmax and cross-entropy over rows and columns, compiled once per instruction set.
#include "cpu/softmax_loops.h"

#include <utility>

#include "cpu/pack.h"
#include "cpu/row_end.h"
#include "scalar/functions.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

template <class T>
struct Softmax {
  using B = xsimd::batch<T>;
  static constexpr std::int64_t width = static_cast<std::int64_t>(B::size);
  static constexpr std::int64_t unroll = 4;    // independent chains
  static constexpr std::int64_t block = 2048;  // elements that a float adds up; blocks are added in double
  static constexpr T lowest = -scalar::Number<T>::infinity;

  /// The largest element so far; a NaN may be lost here, but not in the sum of exponentials.
  [[gnu::always_inline]] static B larger(B a, B b) { return scalar::select(a > b, a, b); }

  /// The lanes joined by halves, in registers.
  template <class Join>
  [[gnu::always_inline]] static T fold(B x, Join join) {
    typename Vector<T, B::size>::type lanes;
    __builtin_memcpy(&lanes, &x, sizeof lanes);
    return fold_halves(lanes, join, std::make_index_sequence<B::size / 2>());
  }
  template <class V, class Join, std::size_t... I>
  [[gnu::always_inline]] static T fold_halves(V x, Join join, std::index_sequence<I...>) {
    if constexpr (sizeof...(I) == 1) {
      return join(x[0], x[1]);
    } else {
      const auto half = join(__builtin_shufflevector(x, x, I...), __builtin_shufflevector(x, x, (I + sizeof...(I))...));
      return fold_halves(half, join, std::make_index_sequence<sizeof...(I) / 2>());
    }
  }
  [[gnu::always_inline]] static T largest_lane(B x) {
    return fold(x, [](auto a, auto b) { return a > b ? a : b; });
  }
  [[gnu::always_inline]] static T lane_sum(B x) {
    return fold(x, [](auto a, auto b) { return a + b; });
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

  /// The largest element of a row and Σ exp(x - top).
  struct Row {
    T top, sum;
  };

  /// The exponentials of a row that one register holds, behind it zeros.
  [[gnu::always_inline]] static B short_row(const T* x, std::int64_t n, Row& row) {
    const B values = load_row_end(x, n);
    row.top = largest_lane(values);
    const B e = scalar::exp(values - B(row.top));
    row.sum = lane_sum(e);
    return e;
  }

  /// Reads a row; the exponentials go to y where there is one.
  template <bool keep>
  [[gnu::always_inline]] static Row exponentials(T* y, const T* x, std::int64_t n) {
    const T top = maximum(x, n);
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
    return {top, static_cast<T>(total)};
  }

  /// y[i] = f(x[i]) for a row.
  template <class F>
  [[gnu::always_inline]] static void each(T* y, const T* x, std::int64_t n, F f) {
    std::int64_t i = 0;
    for (; i + width <= n; i += width) f(B::load_unaligned(x + i)).store_unaligned(y + i);
    if (i < n) store_row_end(y + i, f(load_row_end(x + i, n - i)), n - i);
  }

  static void softmax(void* out, const void* in, std::int64_t rows, std::int64_t n) {
    auto* y = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
      Row row;
      if (n <= width) {
        const B e = short_row(x, n, row);
        store_row_end(y, e * B(T(1) / row.sum), n);
      } else {
        const B factor(T(1) / exponentials<true>(y, x, n).sum);
        each(y, y, n, [&](B e) { return e * factor; });
      }
    }
  }

  /// What is computed for several rows at a time, so that one register of logarithms serves them.
  static constexpr std::int64_t group = 64;
  struct Rows {
    T top[group];
    alignas(sizeof(B)) T log_sum[group];
  };
  /// Rows in a group: as many as stay in L1.
  static std::int64_t group_rows(std::int64_t rows, std::int64_t n) {
    const std::int64_t fit = n < block / group ? group : n < block ? block / n : 1;
    return rows < fit ? rows : fit;
  }
  static void log_sums(Rows& out, const T* x, std::int64_t rows, std::int64_t n) {
    for (std::int64_t r = 0; r < rows; ++r, x += n) {
      Row row;
      if (n <= width) short_row(x, n, row);
      else row = exponentials<false>(nullptr, x, n);
      out.top[r] = row.top, out.log_sum[r] = row.sum;
    }
    for (std::int64_t r = rows; r % width != 0; ++r) out.log_sum[r] = 1;
    for (std::int64_t r = 0; r < rows; r += width)
      scalar::log(B::load_aligned(out.log_sum + r)).store_aligned(out.log_sum + r);
  }

  static void log_softmax(void* out, const void* in, std::int64_t rows, std::int64_t n) {
    auto* y = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    for (std::int64_t count; rows > 0; rows -= count) {
      Rows sums;
      count = group_rows(rows, n);
      log_sums(sums, x, count, n);
      for (std::int64_t r = 0; r < count; ++r, x += n, y += n) {
        const B top(sums.top[r]), log_sum(sums.log_sum[r]);
        each(y, x, n, [&](B v) { return (v - top) - log_sum; });
      }
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
    for (std::int64_t count; rows > 0; rows -= count, loss += count, labels += count) {
      Rows sums;
      count = group_rows(rows, n);
      log_sums(sums, x, count, n);
      for (std::int64_t r = 0; r < count; ++r, x += n) loss[r] = sums.log_sum[r] - (x[labels[r]] - sums.top[r]);
    }
  }

  static void cross_entropy_gradient(
      void* out, const void* in, const std::int64_t* labels, const void* gradient, std::int64_t rows, std::int64_t n) {
    auto* dx = static_cast<T*>(out);
    auto* x = static_cast<const T*>(in);
    auto* dy = static_cast<const T*>(gradient);
    T places[B::size];
    for (std::int64_t i = 0; i < width; ++i) places[i] = static_cast<T>(i);
    const B place = B::load_unaligned(places);
    for (std::int64_t r = 0; r < rows; ++r, x += n, dx += n) {
      // Before the scaling, the sum is taken from the label's exponential: its probability minus 1.
      Row row;
      if (n <= width) {
        const B e = short_row(x, n, row), sum(row.sum);
        const B less = scalar::select(place == B(static_cast<T>(labels[r])), e - sum, e);
        store_row_end(dx, less * B(dy[r] / row.sum), n);
      } else {
        row = exponentials<true>(dx, x, n);
        dx[labels[r]] -= row.sum;
        const B factor(dy[r] / row.sum);
        each(dx, dx, n, [&](B e) { return e * factor; });
      }
    }
  }

  static constexpr SoftmaxLoops loops = {softmax,       log_softmax,   columns<false>,        columns<true>,
                                         unroll* width, cross_entropy, cross_entropy_gradient};
};

}  // namespace

const SoftmaxLoops softmax_loops[2] = {Softmax<float>::loops, Softmax<double>::loops};

}  // namespace keen::detail::cpu::KEEN_ISA
