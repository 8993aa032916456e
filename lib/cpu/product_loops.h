// Products of vectors, of a matrix and a vector, and of matrices without a BLAS: compiled once per instruction set.
#pragma once
#include <cstdint>

#include "cpu/isa.h"
#include "keen/dtype.h"

namespace keen::detail::cpu {

/// Loops for one dtype. Their order of operations depends on sizes alone.
struct ProductLoops {
  /// Σ a[i] b[i] of contiguous vectors.
  void (*dot)(void* out, const void* a, const void* b, std::int64_t n);
  /// y[i] = Σⱼ a[i * stride + j] x[j] for i < rows, j < n: rows of a matrix times a contiguous vector.
  void (*rows)(void* y, const void* a, std::int64_t stride, const void* x, std::int64_t rows, std::int64_t n);
  /// y[j] = Σᵢ x[i * step] a[i * stride + j] for i < rows, j < n: a combination of rows.
  void (*combine)(
      void* y, const void* a, std::int64_t stride, const void* x, std::int64_t step, std::int64_t rows, std::int64_t n);
  /// C (m x n, rows of ldc) = A B; B's rows are contiguous, A may have any strides.
  void (*multiply)(
      void* c, std::int64_t ldc, const void* a, std::int64_t row, std::int64_t column, const void* b, std::int64_t ldb,
      std::int64_t m, std::int64_t n, std::int64_t k);
};

// Null for dtypes that have no products: booleans, half floats, complex numbers.
namespace sse2 {
const ProductLoops* product_loops(DType dtype) noexcept;
}
namespace avx2 {
const ProductLoops* product_loops(DType dtype) noexcept;
}
namespace avx512 {
const ProductLoops* product_loops(DType dtype) noexcept;
}

inline const ProductLoops* product_loops(DType dtype) noexcept {
  return for_isa(sse2::product_loops, avx2::product_loops, avx512::product_loops)(dtype);
}

}  // namespace keen::detail::cpu
