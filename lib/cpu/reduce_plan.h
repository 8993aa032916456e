// How a reduction walks its input: dimensions collapsed, rows or columns, pieces and tasks. It depends on the layout
// and the shape alone, so that results do not depend on the number of threads.
#pragma once
#include "core/op.h"

namespace keen::detail::cpu {

/// Sizes and strides (in elements) of some dimensions, outermost first.
struct Dims {
  Shape sizes, strides;
  void push(std::int64_t size, std::int64_t stride) {
    sizes.push_back(size);
    strides.push_back(stride);
  }
  int rank() const noexcept { return sizes.rank(); }
  std::int64_t count() const noexcept;
};

/// Elements a task of a reduction reads.
inline constexpr std::int64_t task_elements = 65536;

/// A task reduces up to `pieces_per_task` pieces of the space of reduced indices to `width` neighbouring results: one
/// (along rows), or a tile of the kept dimension that varies fastest in memory (along columns). A piece is a part of the
/// innermost reduced dimension.
struct ReducePlan {
  ReducePlan(const TensorImpl& x, const Shape& axes);

  const char* data;  // of the first element in walking order
  Dims outer;        // kept dimensions but for the column dimension, in the order of the result
  Shape outer_to;    // their strides in the result
  Dims reduced;      // the innermost last, all strides ≥ 0
  bool by_columns = false;
  std::int64_t columns = 1, column_stride = 1, column_to = 1;  // the column dimension, its stride in the result
  std::int64_t results = 1, count = 1;                         // elements of the result; elements reduced to each

  std::int64_t run = 1, run_stride = 1;  // the innermost reduced dimension
  bool staged = false;                   // neither rows nor columns are contiguous: copy pieces to scratch first
  std::int64_t tile = 1, piece = 1, pieces_per_run = 1, pieces = 1, pieces_per_task = 1;
  std::int64_t tiles = 1, chunks = 1;

 private:
  void collapse(const TensorImpl& x, const Shape& axes);
  void choose_columns();
  void cut();
};

}  // namespace keen::detail::cpu
