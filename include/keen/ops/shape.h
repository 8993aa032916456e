// Views and rearrangements: what changes a tensor's shape but not its elements.
#pragma once
#include <vector>

#include "keen/operand.h"

namespace keen {

// All dtypes; the result has x's. Shapes that do not fit are a ShapeError, axes out of range or named twice an IndexError.

/// The same elements in row-major order with another shape; one dimension may be -1. A view where strides allow.
Tensor reshape(const Tensor& x, const Shape& shape);
/// reshape(x, {-1}).
Tensor flatten(const Tensor& x);
/// Axes reversed, or in the given order: result axis i is x's axis permutation[i]. A view.
Tensor transpose(const Tensor& x);
Tensor transpose(const Tensor& x, const Shape& permutation);
/// Drops axes of size 1: the given ones (others are a ShapeError), or all. A view.
Tensor squeeze(const Tensor& x, const Axes& axes = {});
/// A new axis of size 1 at position `axis` of the result. A view.
Tensor expand_dims(const Tensor& x, int axis);
/// Repeats axes of size 1 (and new leading ones) to `shape`. A view.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// Reverses the order along the axes.
Tensor flip(const Tensor& x, const Axes& axes = {});
/// Joins along an existing axis; dtypes promote, other dimensions must agree.
Tensor concat(const std::vector<Tensor>& tensors, int axis = 0);
/// Joins tensors of one shape along a new axis.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0);
/// Cuts into equal parts, or into parts of the given sizes. Views.
std::vector<Tensor> split(const Tensor& x, int parts, int axis = 0);
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int axis = 0);
/// The slices along an axis, which disappears. Views.
std::vector<Tensor> unstack(const Tensor& x, int axis = 0);
/// The whole tensor repeated `multiples[i]` times along axis i.
Tensor tile(const Tensor& x, const Shape& multiples);
/// Adds (before, after) elements of `value` around each axis; real dtypes. A value that x's dtype cannot hold is a
/// DTypeError, a negative width a ShapeError.
Tensor pad(const Tensor& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, double value = 0);
/// A contiguous copy, or x itself when it is contiguous.
Tensor contiguous(const Tensor& x);

}  // namespace keen
