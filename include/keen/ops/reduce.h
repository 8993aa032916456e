// Reductions over any axes. Sums are blocked, so that results do not depend on the number of threads.
#pragma once
#include "keen/operand.h"

namespace keen {

// `axes` is one axis, a list, or nothing for all; negative ones count from the end; an axis out of range or named twice
// is an IndexError. keepdims leaves reduced axes with size 1. A 0-d tensor is reduced over its axes 0 and -1 to itself.

/// Σx. bool and integers narrower than 64 bits sum in int64 (uint64 for unsigned).
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
/// Σx / n; integers and bool give float32; NaN for empty.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
/// Πx, 1 for empty; dtypes as of sum, wrapping.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
/// The largest element, NaN if there is one. An empty reduction is a ShapeError.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
/// bool: is any / every element true (≠ 0)?
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
/// Index of the first largest element along an axis, int64; of the flattened tensor without an axis.
Tensor argmax(const Tensor& x, Where where = Where::current());
Tensor argmax(const Tensor& x, int axis, bool keepdims = false, Where where = Where::current());
Tensor argmin(const Tensor& x, Where where = Where::current());
Tensor argmin(const Tensor& x, int axis, bool keepdims = false, Where where = Where::current());
/// Σ(x − mean)² / (n − ddof); integers give float32.
Tensor variance(
    const Tensor& x, const Axes& axes = {}, bool keepdims = false, int ddof = 0, Where where = Where::current());
/// √variance.
Tensor std(const Tensor& x, const Axes& axes = {}, bool keepdims = false, int ddof = 0, Where where = Where::current());
/// √Σx²; integers give float32. The gradient at 0 is 0.
Tensor norm(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());
/// log Σeˣ, without overflow; integers give float32; −∞ for empty.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false, Where where = Where::current());

}  // namespace keen
