// Reductions over any axes. Sums are blocked, so that results do not depend on the number of threads.
#pragma once
#include "keen/operand.h"

namespace keen {

// `axes` is one axis, a list, or nothing for all; negative ones count from the end; an axis out of range or named twice
// is an IndexError. keepdims leaves reduced axes with size 1.

/// Σx. bool and integers narrower than 64 bits sum in int64 (uint64 for unsigned).
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// Σx / n; integers and bool give float32; NaN for empty.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// Πx, 1 for empty; dtypes as of sum, wrapping.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The largest element, NaN if there is one. An empty reduction is a ShapeError.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// bool: is any / every element true (≠ 0)?
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// Index of the first largest element along an axis, int64; of the flattened tensor without an axis.
Tensor argmax(const Tensor& x);
Tensor argmax(const Tensor& x, int axis, bool keepdims = false);
Tensor argmin(const Tensor& x);
Tensor argmin(const Tensor& x, int axis, bool keepdims = false);
/// Σ(x − mean)² / (n − ddof); integers give float32.
Tensor variance(const Tensor& x, const Axes& axes = {}, bool keepdims = false, int ddof = 0);
/// √variance.
Tensor std(const Tensor& x, const Axes& axes = {}, bool keepdims = false, int ddof = 0);
/// √Σx²; integers give float32.
Tensor norm(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// log Σeˣ, without overflow; integers give float32; −∞ for empty.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace keen
