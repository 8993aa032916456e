// The slice operation behind x[i], x(…), split, flip and the gradients of joins.
#pragma once
#include "keen/tensor.h"

namespace keen::detail {

/// Positions start, start + step, … of each axis, `size` of them. Sizes may be symbolic for whole axes.
struct SliceSpec {
  Shape start, size, step;
};
/// Every element of a shape.
SliceSpec whole(const Shape& shape);
/// The elements a spec names; a view. The spec must lie within x.
Tensor slice(const Tensor& x, const SliceSpec& spec);
/// `size` positions of one axis from `start`.
Tensor slice_axis(const Tensor& x, int axis, std::int64_t start, std::int64_t size);

}  // namespace keen::detail
