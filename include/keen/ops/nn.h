// Operations of neural networks. Images are (batch, height, width, channels).
#pragma once
#include <array>
#include <optional>
#include <string>

#include "keen/operand.h"
#include "keen/random.h"

namespace keen {

struct Conv2DOptions {
  std::array<int, 2> strides = {1, 1};
  std::string padding = "valid";  ///< or "same": output size ⌈input / stride⌉
  std::array<int, 2> dilation = {1, 1};
  int groups = 1;
};
/// (n, h, w, c) * (kh, kw, c / groups, out) → (n, h', w', out): cross-correlation, float32 or float64.
Tensor conv2d(const Tensor& x, const Tensor& filters, const Conv2DOptions& options = {});

struct Pool2DOptions {
  std::array<int, 2> window = {2, 2};
  std::optional<std::array<int, 2>> strides = {};  ///< absent: the window
  std::string padding = "valid";
};
Tensor max_pool2d(const Tensor& x, const Pool2DOptions& options = {});
/// Means over windows; padding does not count.
Tensor avg_pool2d(const Tensor& x, const Pool2DOptions& options = {});

/// e^x / Σe^x along an axis.
Tensor softmax(const Tensor& x, int axis);
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x, int axis);
Tensor log_softmax(const Tensor& x);
/// −log softmax(logits)[label] of each row: labels (n,) integers in [0, k), logits (n, k) → (n,).
Tensor sparse_softmax_cross_entropy(const Tensor& labels, const Tensor& logits);
/// −Σ labels · log softmax(logits) of each row: (n, k), (n, k) → (n,).
Tensor softmax_cross_entropy(const Tensor& labels, const Tensor& logits);
/// Zeroes each element with probability `rate` and scales the others by 1 / (1 − rate).
Tensor dropout(const Tensor& x, double rate, const RandomOptions& options = {});

}  // namespace keen
