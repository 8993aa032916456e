// Axes, sizes, strides of reshapes and the gradient of broadcasting.
#include "ops/helpers.h"

#include <algorithm>

#include "core/context.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

namespace keen::detail {

extern const Op reshape_op;

int normalise_axis(const char* operation, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank)
    fail<IndexError>(operation, "axis ", axis, " is out of range for a tensor of rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape normalise_axes(const char* operation, const Axes& axes, int rank) {
  Shape out;
  if (axes.all()) {
    for (int i = 0; i < rank; ++i) out.push_back(i);
    return out;
  }
  if (axes.list().rank() == 1 && is_point(axes.list()[0], rank)) return out;
  for (auto axis : axes.list()) out.push_back(normalise_axis(operation, axis, rank));
  std::sort(out.begin(), out.end());
  auto twice = std::adjacent_find(out.begin(), out.end());
  if (twice != out.end()) fail<IndexError>(operation, "axis ", *twice, " is named twice in ", axes.list().numbers());
  return out;
}

Shape reduced_shape(const Shape& shape, const Shape& axes, bool keepdims) {
  Shape out;
  int next = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    bool reduced = next < axes.rank() && axes[next] == i;
    next += reduced;
    if (!reduced) out.push_back(shape[i]);
    else if (keepdims) out.push_back(1);
  }
  return out;
}

std::int64_t count_at(const Shape& shape, const Shape& axes) {
  std::int64_t n = 1;
  for (auto axis : axes) n *= shape[static_cast<int>(axis)];
  return n;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  bool fits = from.rank() <= to.rank();
  for (int i = 1; fits && i <= from.rank(); ++i)
    fits = from[-i] == to[-i] || from[-i] == 1 || from[-i] < 0 || to[-i] < 0;
  return fits;
}

bool may_agree(const Shape& a, const Shape& b) {
  bool agree = a.rank() == b.rank();
  for (int i = 0; agree && i < a.rank(); ++i) agree = a[i] == b[i] || a[i] < 0 || b[i] < 0;
  return agree;
}

void check_size(const char* operation, const Shape& shape) {
  std::int64_t n = 1;
  bool negative = false, open = false, empty = false, overflow = false;
  for (auto d : shape) {
    const bool is_open = is_symbol(d) || (d == unknown && thread_context.interpreter);
    open |= is_open;
    negative |= d < 0 && !is_open;
    empty |= d == 0;
    overflow |= __builtin_mul_overflow(n, d, &n);
  }
  if (negative) fail<ShapeError>(operation, "shape ", shape.numbers(), " has a negative dimension");
  if (overflow && !empty && !open)
    fail<ShapeError>(operation, "shape ", shape, " has more elements than 63 bits can count");
}

Tensor expand_reduced(const Tensor& dy, const Shape& shape, const Shape& axes, bool keepdims) {
  return keen::broadcast_to(keepdims ? dy : run(reshape_op, {reduced_shape(shape, axes, true)}, dy), shape);
}

Tensor root_of(const Tensor& squares) {
  const Tensor positive = squares > 0;
  return where(positive, sqrt(where(positive, squares, 1)), squares);
}

// Runs of axes that lie together are split and joined, others cannot be.
bool strides_for(const TensorImpl& t, const Shape& to, Shape& strides) {
  strides = contiguous_strides(to);
  if (t.is_contiguous() || t.size == 0) return true;
  Shape dims, steps;
  for (int i = 0; i < t.shape.rank(); ++i)
    if (t.shape[i] != 1) {
      dims.push_back(t.shape[i]);
      steps.push_back(t.strides[i]);
    }
  int from = 0, at = 0;
  while (from < dims.rank()) {
    std::int64_t a = dims[from], b = 1;
    int first = from++, begin = at;
    while (at < to.rank() && (b < a || to[at] == 1)) {
      b *= to[at++];
      while (a < b && from < dims.rank()) a *= dims[from++];
    }
    if (a != b) return false;
    for (int i = first; i + 1 < from; ++i)
      if (steps[i] != steps[i + 1] * dims[i + 1]) return false;
    std::int64_t step = steps[from - 1];
    for (int i = at - 1; i >= begin; --i) {
      strides[i] = step;
      step *= to[i];
    }
  }
  for (; at < to.rank(); ++at) strides[at] = 1;
  return true;
}

}  // namespace keen::detail
