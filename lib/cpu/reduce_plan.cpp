// Plans reductions: collapses dimensions, chooses rows or columns, cuts tasks.
#include "cpu/reduce_plan.h"

#include <algorithm>

#include "cpu/layout.h"

namespace keen::detail::cpu {
namespace {

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Joins neighbours that lie in memory as one dimension would; drops dimensions of size 1.
Dims merged(const Dims& d) {
  Dims out;
  for (int i = 0; i < d.rank(); ++i) {
    if (d.sizes[i] == 1) continue;
    const int last = out.rank() - 1;
    if (last >= 0 && out.strides[last] == d.sizes[i] * d.strides[i]) {
      out.sizes[last] *= d.sizes[i];
      out.strides[last] = d.strides[i];
    } else {
      out.push(d.sizes[i], d.strides[i]);
    }
  }
  return out;
}

/// The order of summation is free: largest strides first, repeated elements (stride 0) before all others.
void sort_by_stride(Dims& d) {
  auto before = [&](int i, int j) {
    const auto a = d.strides[i], b = d.strides[j];
    return b != 0 && (a == 0 || a > b);
  };
  for (int i = 1; i < d.rank(); ++i)
    for (int j = i; j > 0 && before(j, j - 1); --j) {
      std::swap(d.sizes[j], d.sizes[j - 1]);
      std::swap(d.strides[j], d.strides[j - 1]);
    }
}

}  // namespace

std::int64_t Dims::count() const noexcept { return product(sizes, 0, sizes.rank()); }

ReducePlan::ReducePlan(const TensorImpl& x, const Shape& axes) : data(x.as<char>()) {
  collapse(x, axes);
  if (results == 0 || count == 0) return;
  choose_columns();
  cut();
}

void ReducePlan::collapse(const TensorImpl& x, const Shape& axes) {
  Dims all_reduced;
  for (int i = 0, a = 0; i < x.shape.rank(); ++i) {
    const std::int64_t n = x.shape[i], stride = x.strides[i];
    if (a < axes.rank() && axes[a] == i) {
      ++a;
      count *= n;
      if (stride < 0) data += (n - 1) * stride * static_cast<std::int64_t>(size_of(x.dtype));
      all_reduced.push(n, stride < 0 ? -stride : stride);
    } else {
      results *= n;
      outer.push(n, stride);
    }
  }
  sort_by_stride(all_reduced);
  reduced = merged(all_reduced);
  outer = merged(outer);
  outer_to = contiguous_strides(outer.sizes);
  if (reduced.rank() == 0) reduced.push(1, 1);
  run = reduced.sizes[-1];
  run_stride = reduced.strides[-1];
}

void ReducePlan::choose_columns() {
  int column = -1;
  for (int i = 0; i < outer.rank(); ++i) {
    const auto stride = std::abs(outer.strides[i]);
    if (run_stride != 1 && stride > 0 && (run_stride == 0 || stride < run_stride) &&
        (column < 0 || stride < std::abs(outer.strides[column])))
      column = i;
  }
  by_columns = column >= 0;
  if (by_columns) {
    columns = outer.sizes[column];
    column_stride = outer.strides[column];
    column_to = outer_to[column];
    outer.sizes.erase(column);
    outer.strides.erase(column);
    outer_to.erase(column);
  }
  staged = by_columns ? column_stride != 1 : run_stride != 1 && run > 1;
}

void ReducePlan::cut() {
  if (by_columns) {
    tile = std::min<std::int64_t>(columns, staged ? 64 : 512);
    piece = staged ? 32 : std::max<std::int64_t>(128, 8192 / tile / 8 * 8);
  } else {
    piece = staged ? 1024 : task_elements;
  }
  piece = std::min(piece, run);
  pieces_per_run = ceil_divide(run, piece);
  pieces = count / run * pieces_per_run;
  pieces_per_task = std::clamp<std::int64_t>(task_elements / (piece * tile), 1, std::min<std::int64_t>(pieces, 4096));
  tiles = ceil_divide(columns, tile);
  chunks = ceil_divide(pieces, pieces_per_task);
}

}  // namespace keen::detail::cpu
