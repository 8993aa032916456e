// Walking tensors of any layout: dimensions merged where memory allows, elements gathered row by row.
#pragma once
#include "core/tensor_impl.h"

namespace keen::detail::cpu {

/// A nest of loops over the elements of a result and, in step with it, of up to three inputs: dimensions of size 1 are
/// gone, neighbours that advance evenly in every input are one. Rank 0 becomes one dimension of size 1.
struct Space {
  static constexpr int max_inputs = 3;

  Shape sizes;
  Shape strides[max_inputs];  // in elements; 0 where the input is broadcast
  int inputs = 0;

  /// The space of a result of `shape` whose inputs broadcast to it.
  Space(const Shape& shape, const TensorImpl* const* in, int inputs);

  int rank() const noexcept { return sizes.rank(); }
  /// The length of a row, the innermost dimension, and how an input advances along it and from row to row.
  std::int64_t columns() const noexcept { return sizes[-1]; }
  std::int64_t column_stride(int input) const noexcept { return strides[input][-1]; }
  std::int64_t row_stride(int input) const noexcept { return rank() > 1 ? strides[input][-2] : 0; }
};

/// A place in a space: a row, and where the row starts in every input.
class Cursor {
 public:
  /// The row-th row.
  Cursor(const Space& space, std::int64_t row);
  /// Offset of the row's first element in an input, in elements.
  std::int64_t offset(int input) const noexcept { return base_[input]; }
  /// Rows from this one to the end of the last dimension but one.
  std::int64_t rows_left() const noexcept { return space_.rank() > 1 ? space_.sizes[-2] - index_[-1] : 1; }
  /// Moves on by at most rows_left() rows.
  void advance(std::int64_t rows) noexcept;

 private:
  const Space& space_;
  Shape index_;  // one number a dimension, without the last dimension
  std::int64_t base_[Space::max_inputs] = {};
};

/// rows × columns elements of `bytes` (1, 2, 4, 8 or 16) with these strides to memory without gaps.
void gather(
    void* to, const void* from, std::int64_t rows, std::int64_t row_stride, std::int64_t columns,
    std::int64_t column_stride, std::size_t bytes) noexcept;

/// How many rows a transposed block should have, for elements of `bytes`: neighbouring cache lines come together.
inline std::int64_t panel_rows(std::int64_t bytes) noexcept { return 256 / bytes; }
/// A block of `rows` × `columns` elements, read where rows are neighbours in memory (stride 1) and columns lie
/// `column_stride` apart; written row by row, `to_stride` elements apart.
void transpose_block(
    void* to, std::int64_t to_stride, const void* from, std::int64_t column_stride, std::int64_t rows,
    std::int64_t columns, std::size_t bytes) noexcept;

}  // namespace keen::detail::cpu
