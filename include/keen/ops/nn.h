// Operations of neural networks. Images are (batch, height, width, channels).
#pragma once
#include <concepts>
#include <optional>
#include <string>

#include "keen/operand.h"
#include "keen/random.h"

namespace keen {

/// Height and width: one number for both, or two in braces.
struct Size2 {
  template <std::integral T>
  constexpr Size2(T both) noexcept : height(static_cast<int>(both)), width(height) {}
  constexpr Size2(int h, int w) noexcept : height(h), width(w) {}
  int height, width;
};
/// The same, or nothing.
struct OptionalSize2 : std::optional<Size2> {
  using optional::optional;
  constexpr OptionalSize2(int h, int w) noexcept : optional(Size2(h, w)) {}
};

struct Conv2DOptions {
  Size2 strides = 1;
  std::string padding = "valid";  ///< or "same": output size ⌈input / stride⌉; in any case ("SAME")
  Size2 dilation = 1;
  int groups = 1;
};
/// (n, h, w, c) * (kh, kw, c / groups, out) → (n, h', w', out): cross-correlation, float32 or float64, which
/// promote. Other ranks or channels are a ShapeError, other options than positive ones a UsageError.
Tensor conv2d(
    const Tensor& x, const Tensor& filters, const Conv2DOptions& options = {}, Where where = Where::current());

struct Pool2DOptions {
  Size2 window = 2;
  OptionalSize2 strides = {};  ///< absent: the window
  std::string padding = "valid";
};
/// The largest of each window: (n, h, w, c) → (n, h', w', c), float32 or float64. Errors as of conv2d.
Tensor max_pool2d(const Tensor& x, const Pool2DOptions& options = {}, Where where = Where::current());
/// The mean of each window, where padding does not count; otherwise likewise.
Tensor avg_pool2d(const Tensor& x, const Pool2DOptions& options = {}, Where where = Where::current());

/// e^x / Σe^x along an axis, the last unless said, without overflow; 1 of a 0-d tensor. Integers give float32; an axis out of
/// range is an IndexError.
Tensor softmax(const Tensor& x, int axis, Where where = Where::current());
Tensor softmax(TensorOperand x);
/// x − log Σe^x along an axis, likewise.
Tensor log_softmax(const Tensor& x, int axis, Where where = Where::current());
Tensor log_softmax(TensorOperand x);
/// −log softmax(logits)[label] of each row: labels (n,) integers in [0, k), else an IndexError; logits (n, k) → (n,).
Tensor sparse_softmax_cross_entropy(const Tensor& labels, const Tensor& logits, Where where = Where::current());
/// −Σ labels · log softmax(logits) of each row: (n, k), (n, k) → (n,).
Tensor softmax_cross_entropy(const Tensor& labels, const Tensor& logits, Where where = Where::current());
/// Zeroes each element with probability `rate` and scales the others by 1 / (1 − rate). Floating dtypes, else a DTypeError;
/// a rate outside [0, 1) is a UsageError.
Tensor dropout(const Tensor& x, double rate, const RandomOptions& options = {}, Where where = Where::current());

}  // namespace keen
