// The loops of a reduction, generic in the operation: rows in blocks, columns by groups of rows.
#pragma once
#include <limits>
#include <type_traits>

#include "cpu/pack.h"
#include "cpu/reduce_loops.h"

namespace keen::detail::cpu::KEEN_ISA {

// Op::apply joins two numbers or two vectors; Op::identity changes nothing.
struct Sum {
  template <class T>
  static constexpr T identity = std::is_floating_point_v<T> ? static_cast<T>(-0.0) : T(0);  // -0 + -0 is -0
  template <class V>
  [[gnu::always_inline]] static V apply(const V& a, const V& b) {
    return a + b;
  }
};
struct Product {
  template <class T>
  static constexpr T identity = 1;
  template <class V>
  [[gnu::always_inline]] static V apply(const V& a, const V& b) {
    return a * b;
  }
};
// b wins when it is better, or NaN (b != b); once a is NaN, nothing is better.
struct Max {
  template <class T>
  static constexpr T identity = std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity()
                                                            : std::numeric_limits<T>::min();
  template <class V>
  [[gnu::always_inline]] static V apply(const V& a, const V& b) {
    return ((b > a) | (b != b)) ? b : a;
  }
};
struct Min {
  template <class T>
  static constexpr T identity = std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity()
                                                            : std::numeric_limits<T>::max();
  template <class V>
  [[gnu::always_inline]] static V apply(const V& a, const V& b) {
    return ((b < a) | (b != b)) ? b : a;
  }
};

/// Reduces elements of type In in accumulators of type Acc.
template <class In, class Acc, class Op>
struct Blocks {
  static constexpr int width = register_bytes / sizeof(Acc);
  // 256 bytes of accumulators whatever the register: the same order of operations, hence the same bits, everywhere.
  static constexpr int lanes = 256 / sizeof(Acc);
  static constexpr int vectors = lanes / width;
  static constexpr std::int64_t block = 16 * lanes;
  using V = typename Vector<Acc, width>::type;

  static Acc number(In x) { return static_cast<Acc>(x); }

  /// Folds `size` lanes (a power of two) by halves.
  static Acc fold(Acc* lane, int size) {
    for (int half = size / 2; half > 0; half /= 2)
      for (int l = 0; l < half; ++l) lane[l] = Op::apply(lane[l], lane[l + half]);
    return lane[0];
  }

  // Up to `short_limit` elements go through eight lanes.
  static constexpr std::int64_t short_limit = 4 * lanes;
  using Eight = typename Vector<Acc, 8>::type;
  [[gnu::always_inline]] static Eight nothing() { return Vector<Acc, 8>::of(Op::template identity<Acc>); }

  static Acc short_row(const In* x, std::int64_t n) {
    Eight sum = nothing();
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8) sum = Op::apply(sum, load<Acc, 8>(x + i));
    Acc lane[8];
    store(lane, sum);
    for (std::int64_t l = 0; l < n % 8; ++l) lane[l] = Op::apply(lane[l], number(x[i + l]));
    return fold(lane, 8);
  }

  /// Eight short rows at once: eight vectors of lanes become one vector of results, by the same halves as `fold`. Reads
  /// up to the next multiple of eight elements behind each row.
  static void eight_rows(Acc* out, const In* x, std::int64_t row_stride, std::int64_t n) {
    const Eight place = Vector<Acc, 8>::count();
    const auto inside = place < Vector<Acc, 8>::of(static_cast<Acc>(n % 8));
    Eight s[8];
    for (int r = 0; r < 8; ++r) {
      const In* row = x + r * row_stride;
      s[r] = nothing();
      std::int64_t i = 0;
      for (; i + 8 <= n; i += 8) s[r] = Op::apply(s[r], load<Acc, 8>(row + i));
      if (i < n) s[r] = Op::apply(s[r], inside ? load<Acc, 8>(row + i) : nothing());
    }
    for (int r = 0; r < 4; ++r)
      s[r] = Op::apply(
          __builtin_shufflevector(s[2 * r], s[2 * r + 1], 0, 1, 2, 3, 8, 9, 10, 11),
          __builtin_shufflevector(s[2 * r], s[2 * r + 1], 4, 5, 6, 7, 12, 13, 14, 15));
    for (int r = 0; r < 2; ++r)
      s[r] = Op::apply(
          __builtin_shufflevector(s[2 * r], s[2 * r + 1], 0, 1, 4, 5, 8, 9, 12, 13),
          __builtin_shufflevector(s[2 * r], s[2 * r + 1], 2, 3, 6, 7, 10, 11, 14, 15));
    store(
        out, Op::apply(
                 __builtin_shufflevector(s[0], s[1], 0, 2, 4, 6, 8, 10, 12, 14),
                 __builtin_shufflevector(s[0], s[1], 1, 3, 5, 7, 9, 11, 13, 15)));
  }

  /// `lanes` ≤ n ≤ `block` elements.
  static Acc one_block(const In* x, std::int64_t n) {
    V sum[vectors];
    for (int v = 0; v < vectors; ++v) sum[v] = load<Acc, width>(x + v * width);
    std::int64_t i = lanes;
    for (; i + lanes <= n; i += lanes) {
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) sum[v] = Op::apply(sum[v], load<Acc, width>(x + i + v * width));
    }
    alignas(64) Acc lane[lanes];
    if (i == n) {
      for (int half = vectors / 2; half > 0; half /= 2)
        for (int v = 0; v < half; ++v) sum[v] = Op::apply(sum[v], sum[v + half]);
      store(lane, sum[0]);
      return fold(lane, width);
    }
    for (int v = 0; v < vectors; ++v) store(lane + v * width, sum[v]);
    for (std::int64_t l = 0; l < n % lanes; ++l) lane[l] = Op::apply(lane[l], number(x[i + l]));
    return fold(lane, lanes);
  }

  /// Blocks, combined in pairs as a binary counter counts: the partial results wait in `level`.
  static Acc row(const In* x, std::int64_t n) {
    if (n < short_limit) return short_row(x, n);
    if (n <= block) return one_block(x, n);
    Acc level[64];
    int depth = 0;
    for (std::int64_t i = 0, count = 1; i < n; i += block, ++count) {
      const std::int64_t rest = n - i;
      level[depth++] = rest >= short_limit ? one_block(x + i, rest < block ? rest : block) : short_row(x + i, rest);
      for (std::int64_t c = count; c % 2 == 0; c /= 2, --depth)
        level[depth - 2] = Op::apply(level[depth - 2], level[depth - 1]);
    }
    for (; depth > 1; --depth) level[depth - 2] = Op::apply(level[depth - 2], level[depth - 1]);
    return level[0];
  }

  static void rows(void* out, const void* x, std::int64_t row_stride, std::int64_t rows, std::int64_t n) {
    auto* to = static_cast<Acc*>(out);
    auto* from = static_cast<const In*>(x);
    std::int64_t i = 0;
    if (n < short_limit)  // as long as reading beyond a row stays inside the last one
      for (; i + 8 <= rows && (rows - 8 - i) * row_stride >= (-n & 7); i += 8)
        eight_rows(to + i, from + i * row_stride, row_stride, n);
    for (; i < rows; ++i) to[i] = row(from + i * row_stride, n);
  }

  /// The reduction of eight rows at one place, in pairs.
  template <int W>
  [[gnu::always_inline]] static auto eight(const In* x, std::int64_t stride) {
    auto at = [&](int r) { return load<Acc, W>(x + r * stride); };
    return Op::apply(
        Op::apply(Op::apply(at(0), at(1)), Op::apply(at(2), at(3))),
        Op::apply(Op::apply(at(4), at(5)), Op::apply(at(6), at(7))));
  }

  /// Joins the next one or eight rows to out, or begins with them.
  template <int Rows>
  static void add_rows(Acc* out, const In* x, std::int64_t stride, std::int64_t n, bool begin) {
    auto pass = [&]<int W>(std::int64_t j) {
      if constexpr (Rows == 8 && W > 1)
        for (int r = 0; r < 8; ++r) __builtin_prefetch(x + j + (8 + r) * stride, 0, 2);
      auto v = [&] {
        if constexpr (Rows == 8) return eight<W>(x + j, stride);
        else return load<Acc, W>(x + j);
      }();
      store(out + j, begin ? v : Op::apply(load<Acc, W>(out + j), v));
    };
    std::int64_t j = 0;
    for (; j + width <= n; j += width) pass.template operator()<width>(j);
    for (; j < n; ++j) pass.template operator()<1>(j);
  }

  static constexpr std::int64_t widest = 1024;  // lanes of joined rows

  static void wide_columns(Acc* out, const In* x, std::int64_t stride, std::int64_t rows, std::int64_t n) {
    std::int64_t r = 0;
    for (; r + 8 <= rows; r += 8) add_rows<8>(out, x + r * stride, stride, n, r == 0);
    for (; r < rows; ++r) add_rows<1>(out, x + r * stride, stride, n, r == 0);
  }

  static void columns(void* out, const void* x, std::int64_t stride, std::int64_t rows, std::int64_t n) {
    auto* to = static_cast<Acc*>(out);
    auto* from = static_cast<const In*>(x);
    // Narrow rows without gaps: join so many that they fill whole vectors, at least all lanes.
    std::int64_t joined = 1;
    while (joined * n % (64 / static_cast<int>(sizeof(Acc))) != 0) joined *= 2;
    while (joined * n < lanes) joined *= 2;
    if (stride != n || joined * n > widest || rows < 2 * joined || joined == 1)
      return wide_columns(to, from, stride, rows, n);
    Acc wide[widest];
    const std::int64_t turns = rows / joined;
    wide_columns(wide, from, joined * n, turns, joined * n);
    for (std::int64_t r = turns * joined; r < rows; ++r)
      for (std::int64_t j = 0; j < n; ++j) wide[j] = Op::apply(wide[j], number(from[r * n + j]));
    for (std::int64_t j = 0; j < n; ++j) {
      to[j] = wide[j];
      for (std::int64_t r = 1; r < joined; ++r) to[j] = Op::apply(to[j], wide[r * n + j]);
    }
  }

  static void combine(void* to, const void* more, std::int64_t n) {
    auto* a = static_cast<Acc*>(to);
    auto* b = static_cast<const Acc*>(more);
    for (std::int64_t j = 0; j < n; ++j) a[j] = Op::apply(a[j], b[j]);
  }
};

template <class In, class Acc, class Op>
constexpr ReduceLoops loops_of(DType result) {
  using B = Blocks<In, Acc, Op>;
  return {result, B::rows, B::columns, B::combine};
}

}  // namespace keen::detail::cpu::KEEN_ISA
