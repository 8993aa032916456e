// Views and rearrangements: what changes a tensor's shape but not its elements.
#pragma once
#include <vector>

#include "keen/operand.h"

namespace keen {

// All dtypes; the result has x's. Shapes that do not fit are a ShapeError, axes out of range or named twice an IndexError.

/// The same elements in row-major order with another shape; one dimension may be -1. A view where strides allow.
Tensor reshape(const Tensor& x, const Shape& shape, Where where = Where::current());
/// x itself, whose shape must be `shape`, where `unknown` stands for any size: else a ShapeError. In a trace each call checks
/// the sizes that are open, and behind it they count as those of `shape`.
Tensor ensure_shape(const Tensor& x, const Shape& shape, Where where = Where::current());
/// reshape(x, {-1}).
Tensor flatten(TensorOperand x);
/// Axes reversed, or in the given order: result axis i is x's axis permutation[i]. A view.
Tensor transpose(const Tensor& x, Where where = Where::current());
Tensor transpose(const Tensor& x, const Shape& permutation, Where where = Where::current());
/// Drops axes of size 1: the given ones (others are a ShapeError), or all, which in a trace must then be known. A view.
Tensor squeeze(const Tensor& x, const Axes& axes = {}, Where where = Where::current());
/// A new axis of size 1 at position `axis` of the result. A view.
Tensor expand_dims(const Tensor& x, int axis, Where where = Where::current());
/// Repeats axes of size 1 (and new leading ones) to `shape`. A view.
Tensor broadcast_to(const Tensor& x, const Shape& shape, Where where = Where::current());
/// Reverses the order along the axes.
Tensor flip(const Tensor& x, const Axes& axes = {}, Where where = Where::current());
/// Joins along an existing axis; dtypes promote, other dimensions must agree.
Tensor concat(const std::vector<Tensor>& tensors, int axis = 0, Where where = Where::current());
/// Joins tensors of one shape along a new axis.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0, Where where = Where::current());
/// Cuts into equal parts, or into parts of the given sizes. Views.
std::vector<Tensor> split(const Tensor& x, int parts, int axis = 0, Where where = Where::current());
std::vector<Tensor> split(
    const Tensor& x, const std::vector<std::int64_t>& sizes, int axis = 0, Where where = Where::current());
/// The slices along an axis, which disappears; in a trace their number must be known. Views.
std::vector<Tensor> unstack(const Tensor& x, int axis = 0, Where where = Where::current());
/// The whole tensor repeated `multiples[i]` times along axis i.
Tensor tile(const Tensor& x, const Shape& multiples, Where where = Where::current());
/// Adds (before, after) elements of `value` around each axis; real dtypes. A value that x's dtype cannot hold is a
/// DTypeError, a negative width a ShapeError.
Tensor pad(
    const Tensor& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, double value = 0,
    Where where = Where::current());
/// A contiguous copy, or x itself when it is contiguous.
Tensor contiguous(const Tensor& x, Where where = Where::current());

}  // namespace keen
