// Axes and the gradient of broadcasting.
#include "ops/helpers.h"

#include <algorithm>

#include "core/context.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

namespace keen::detail {

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
  for (auto axis : axes.list()) out.push_back(normalise_axis(operation, axis, rank));
  std::sort(out.begin(), out.end());
  auto twice = std::adjacent_find(out.begin(), out.end());
  if (twice != out.end()) fail<IndexError>(operation, "axis ", *twice, " is named twice in ", axes.list());
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

void check_size(const char* operation, const Shape& shape) {
  std::int64_t n = 1;
  for (auto d : shape)
    if (d < 0 && !thread_context.interpreter)
      fail<ShapeError>(operation, "shape ", shape.numbers(), " has a negative dimension");
  for (auto d : shape) {
    if (d == 0 || !shape.is_known()) return;
    if (__builtin_mul_overflow(n, d, &n))
      fail<ShapeError>(operation, "shape ", shape, " has more elements than 63 bits can count");
  }
}

Tensor sum_to(const Tensor& t, const Shape& shape) {
  const Shape& from = t.shape();
  if (from == shape) return t;
  Shape axes;
  int lead = from.rank() - shape.rank();
  for (int i = 0; i < from.rank(); ++i)
    if (i < lead || (shape[i - lead] == 1 && from[i] != 1)) axes.push_back(i);
  Tensor out = axes.empty() ? t : keen::sum(t, Axes(axes), true);
  return out.shape() == shape ? out : keen::reshape(out, shape);
}

Tensor expand_reduced(const Tensor& dy, const Shape& shape, const Shape& axes, bool keepdims) {
  return keen::broadcast_to(keepdims ? dy : keen::reshape(dy, reduced_shape(shape, axes, true)), shape);
}

}  // namespace keen::detail
