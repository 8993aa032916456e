// The operands of a matrix product in any layout, and how a BLAS may read them.
#pragma once
#include <algorithm>
#include <limits>
#include <utility>

#include "cpu/kernels.h"
#include "cpu/layout.h"

namespace keen::detail::cpu {

using std::int64_t;

/// One operand after its transposition: element (i, j) of a batch lies at i * row + j * column.
struct Factor {
  const char* data;
  int64_t rows, columns, row, column;
  Shape batch;  // strides along the result's leading dimensions; 0 where this operand repeats
  Tensor copy;  // holds the elements where the caller's layout would not do

  Factor(const TensorImpl& t, bool transpose, const Shape& leading) : data(t.as<const char>()) {
    rows = t.shape[-2], columns = t.shape[-1], row = t.strides[-2], column = t.strides[-1];
    if (transpose) std::swap(rows, columns), std::swap(row, column);
    if (rows == 1) row = 1;  // a stride that is never taken: any will do
    if (columns == 1) column = 1;
    const int missing = leading.rank() - (t.shape.rank() - 2);
    for (int i = 0; i < leading.rank(); ++i)
      batch.push_back(i < missing || t.shape[i - missing] == 1 ? 0 : t.strides[i - missing]);
  }

  /// The copy of a part that a BLAS can read: repeated batches once.
  void make_dense(const TensorImpl& t, const Shape& leading) {
    Shape sizes, strides;
    for (int i = 0; i < leading.rank(); ++i) {
      sizes.push_back(batch[i] == 0 ? 1 : leading[i]);
      strides.push_back(batch[i]);
    }
    sizes.push_back(rows), sizes.push_back(columns);
    strides.push_back(row), strides.push_back(column);
    copy = make_tensor(t.dtype, sizes, t.device);
    copy_strided(impl(copy).data, impl(make_view(t, sizes, strides, 0)));
    data = impl(copy).as<const char>();
    row = columns, column = 1;
    for (int i = 0; i < leading.rank(); ++i) batch[i] = sizes[i] == 1 ? 0 : impl(copy).strides[i];
  }
};

/// How a BLAS reads a matrix: as stored row by row, or as the transpose of that.
struct BlasLayout {
  bool fits = false, transpose = false;
  int64_t leading = 0;
};

inline BlasLayout blas_layout(const Factor& f) {
  BlasLayout layout;
  if ((f.column == 1 || f.columns == 1) && (f.row >= f.columns || f.rows == 1))
    layout = {true, false, f.rows == 1 ? f.columns : f.row};
  else if ((f.row == 1 || f.rows == 1) && (f.column >= f.rows || f.columns == 1))
    layout = {true, true, f.columns == 1 ? f.rows : f.column};
  const int64_t limit = std::numeric_limits<int>::max();
  if (layout.leading > limit || f.rows > limit || f.columns > limit) layout.fits = false;
  return layout;
}

/// batches products C = A B of m x k and k x n; C contiguous.
struct Product {
  DType dtype;
  int64_t size;  // of an element
  int64_t batches = 1, m, n, k;
  Shape leading;
  Factor a, b;
  char* c;
  bool is_sum = true;  // else a part of one, which nothing may follow

  int64_t a_offset(int64_t batch) const { return batch == 0 ? 0 : offset_of(batch, leading, a.batch); }
  int64_t b_offset(int64_t batch) const { return batch == 0 ? 0 : offset_of(batch, leading, b.batch); }
  const char* a_at(int64_t batch) const { return a.data + a_offset(batch) * size; }
  const char* b_at(int64_t batch) const { return b.data + b_offset(batch) * size; }
};

/// (…, m, k) x (k, n) is one product with more rows, where A's leading dimensions follow each other evenly.
inline void merge_batches(Product& p) {
  if (p.batches == 1) return;
  int64_t row = p.m == 1 ? 0 : p.a.row, next = p.m * row;
  for (int i = p.leading.rank() - 1; i >= 0; --i) {
    if (p.leading[i] == 1) continue;
    if (next == 0) next = row = p.a.batch[i];
    if (p.b.batch[i] != 0 || p.a.batch[i] != next || next == 0) return;
    next *= p.leading[i];
  }
  p.m = p.a.rows = p.m * p.batches;
  p.a.row = row;
  p.batches = 1;
  p.leading = p.a.batch = p.b.batch = Shape();
}

}  // namespace keen::detail::cpu
