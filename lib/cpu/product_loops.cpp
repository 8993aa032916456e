// Dot products, matrix-vector products and plain matrix products, compiled once per instruction set.
#include "cpu/product_loops.h"

#include "cpu/pack.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

using std::int64_t;

template <class T>
struct Loops {
  static constexpr int width = register_bytes / sizeof(T);
  // 256 bytes of accumulators whatever the register: the same bits from every instruction set.
  static constexpr int lanes = 256 / sizeof(T);
  static constexpr int vectors = lanes / width;
  using V = typename Vector<T, width>::type;

  /// Folds a vector by halves.
  template <int W>
  [[gnu::always_inline]] static T fold(typename Vector<T, W>::type v) {
    if constexpr (W == 1) {
      return v[0];
    } else {
      typename Vector<T, W / 2>::type half[2];
      __builtin_memcpy(half, &v, sizeof v);
      return fold<W / 2>(half[0] + half[1]);
    }
  }

  template <int Rows>
  static void dots(T* y, const T* a, int64_t stride, const T* x, int64_t n) {
    V sum[Rows][vectors] = {};
    int64_t j = 0;
    for (; j + lanes <= n; j += lanes) {
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) {
        const V factor = load<T, width>(x + j + v * width);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) sum[r][v] += load<T, width>(a + r * stride + j + v * width) * factor;
      }
    }
    for (int r = 0; r < Rows; ++r) {
      if (j < n) add_rest(sum[r], a + r * stride + j, x + j, n - j);
      for (int half = vectors / 2; half > 0; half /= 2)
        for (int v = 0; v < half; ++v) sum[r][v] += sum[r][v + half];
      y[r] = fold<width>(sum[r][0]);
    }
  }

  /// The last n < lanes products, one to each accumulator. Other accumulators stay or take a zero, which is the same:
  /// none of them is -0.
  static void add_rest(V (&sum)[vectors], const T* a, const T* x, int64_t n) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v, n -= width) {
      if (n >= width) {
        sum[v] += load<T, width>(a + v * width) * load<T, width>(x + v * width);
      } else if (n > 0) {
        T left[width] = {}, right[width] = {};
        __builtin_memcpy(left, a + v * width, static_cast<std::size_t>(n) * sizeof(T));
        __builtin_memcpy(right, x + v * width, static_cast<std::size_t>(n) * sizeof(T));
        sum[v] += load<T, width>(left) * load<T, width>(right);
      }
    }
  }

  static void dot(void* out, const void* a, const void* b, int64_t n) {
    dots<1>(static_cast<T*>(out), static_cast<const T*>(a), 0, static_cast<const T*>(b), n);
  }

  static void rows(void* y, const void* a, int64_t stride, const void* x, int64_t rows, int64_t n) {
    auto* to = static_cast<T*>(y);
    auto* from = static_cast<const T*>(a);
    auto* vector = static_cast<const T*>(x);
    // Short registers have room for one row's accumulators; a row's own order of operations stays the same.
    constexpr int together = vectors <= 4 ? 4 : 1;
    int64_t i = 0;
    for (; i + together <= rows; i += together) dots<together>(to + i, from + i * stride, stride, vector, n);
    for (; i < rows; ++i) dots<1>(to + i, from + i * stride, stride, vector, n);
  }

  /// Adds `Rows` rows times their factors to y, or begins with them.
  template <int Rows>
  static void add_rows(T* y, const T* a, int64_t stride, const T* x, int64_t step, int64_t n, bool begin) {
    auto pass = [&]<int W>(int64_t j) {
      using P = typename Vector<T, W>::type;
      // The new rows by themselves first: an eighth of the roundings at the size of the whole sum.
      P sum = load<T, W>(a + j) * x[0];
#pragma GCC unroll 8
      for (int r = 1; r < Rows; ++r) sum += load<T, W>(a + r * stride + j) * x[r * step];
      store(y + j, begin ? sum : load<T, W>(y + j) + sum);
    };
    int64_t j = 0;
    for (; j + width <= n; j += width) pass.template operator()<width>(j);
    for (; j < n; ++j) pass.template operator()<1>(j);
  }

  static void combine(void* y, const void* a, int64_t stride, const void* x, int64_t step, int64_t rows, int64_t n) {
    auto* to = static_cast<T*>(y);
    auto* from = static_cast<const T*>(a);
    auto* factors = static_cast<const T*>(x);
    for (int64_t j = 0; rows == 0 && j < n; ++j) to[j] = 0;
    int64_t i = 0;
    for (; i + 8 <= rows; i += 8) add_rows<8>(to, from + i * stride, stride, factors + i * step, step, n, i == 0);
    for (; i < rows; ++i) add_rows<1>(to, from + i * stride, stride, factors + i * step, step, n, i == 0);
  }

  /// An R x W piece of C in registers.
  template <int R, int W>
  static void piece(T* c, int64_t ldc, const T* a, int64_t row, int64_t column, const T* b, int64_t ldb, int64_t k) {
    using P = typename Vector<T, W>::type;
    P sum[R] = {};
    for (int64_t p = 0; p < k; ++p) {
      const P values = load<T, W>(b + p * ldb);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r] += values * a[r * row + p * column];
    }
    for (int r = 0; r < R; ++r) store(c + r * ldc, sum[r]);
  }

  template <int R>
  static void strip(
      T* c, int64_t ldc, const T* a, int64_t row, int64_t column, const T* b, int64_t ldb, int64_t n, int64_t k) {
    int64_t j = 0;
    for (; j + width <= n; j += width) piece<R, width>(c + j, ldc, a, row, column, b + j, ldb, k);
    for (; j < n; ++j) piece<R, 1>(c + j, ldc, a, row, column, b + j, ldb, k);
  }

  static void multiply(
      void* c, int64_t ldc, const void* a, int64_t row, int64_t column, const void* b, int64_t ldb, int64_t m,
      int64_t n, int64_t k) {
    auto* to = static_cast<T*>(c);
    auto* left = static_cast<const T*>(a);
    auto* right = static_cast<const T*>(b);
    int64_t i = 0;
    for (; i + 8 <= m; i += 8) strip<8>(to + i * ldc, ldc, left + i * row, row, column, right, ldb, n, k);
    for (; i < m; ++i) strip<1>(to + i * ldc, ldc, left + i * row, row, column, right, ldb, n, k);
  }

  static constexpr ProductLoops table = {dot, rows, combine, multiply};
};

}  // namespace

const ProductLoops* product_loops(DType dtype) noexcept {
  switch (dtype) {
    // Integers multiply as unsigned, where overflow wraps; the bits are those of the signed product.
    case DType::int8:
    case DType::uint8:
      return &Loops<std::uint8_t>::table;
    case DType::int16:
    case DType::uint16:
      return &Loops<std::uint16_t>::table;
    case DType::int32:
    case DType::uint32:
      return &Loops<std::uint32_t>::table;
    case DType::int64:
    case DType::uint64:
      return &Loops<std::uint64_t>::table;
    case DType::float32:
      return &Loops<float>::table;
    case DType::float64:
      return &Loops<double>::table;
    default:
      return nullptr;
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
