// The layers: products, convolutions, pooling and what stands between them.
#pragma once
#include <array>
#include <optional>

#include "keen/nn/activation.h"
#include "keen/nn/initializers.h"
#include "keen/nn/layer.h"
#include "keen/ops/nn.h"

namespace keen::nn {

using keen::OptionalSize2;
using keen::Size2;

struct DenseOptions {
  ActivationFunction activation = {};
  bool use_bias = true;
  initializers::Initializer kernel_initializer = "glorot_uniform";
  initializers::Initializer bias_initializer = "zeros";
  std::string name = {};
};
/// activation(x · kernel + bias): (…, in) → (…, units). Variables: kernel (in, units), bias (units,).
class Dense : public Layer {
 public:
  explicit Dense(std::int64_t units, const DenseOptions& options = {});
  Variable kernel() const;  ///< an empty handle before the layer is built
  Variable bias() const;
};

struct Conv2DLayerOptions {
  Size2 strides = 1;
  std::string padding = "valid";  ///< or "same": output size ⌈input / stride⌉; in any case ("SAME")
  Size2 dilation = 1;
  int groups = 1;
  ActivationFunction activation = {};
  bool use_bias = true;
  initializers::Initializer kernel_initializer = "glorot_uniform";
  initializers::Initializer bias_initializer = "zeros";
  std::string name = {};
};
/// activation(x * kernel + bias): (batch, height, width, in) → (batch, height', width', filters). Variables: kernel
/// (window height, window width, in / groups, filters), bias (filters,).
class Conv2D : public Layer {
 public:
  Conv2D(std::int64_t filters, Size2 kernel_size, const Conv2DLayerOptions& options = {});
  Variable kernel() const;
  Variable bias() const;
};

struct PoolingOptions {
  OptionalSize2 strides = {};  ///< absent: the window
  std::string padding = "valid";
  std::string name = {};
};
/// The largest of each window: (batch, height, width, channels) → (batch, height', width', channels).
class MaxPooling2D : public Layer {
 public:
  explicit MaxPooling2D(Size2 window = 2, const PoolingOptions& options = {});
};
/// The mean of each window; padding does not count.
class AveragePooling2D : public Layer {
 public:
  explicit AveragePooling2D(Size2 window = 2, const PoolingOptions& options = {});
};

struct LayerOptions {
  std::string name = {};
};
/// (batch, …) → (batch, product of the rest).
class Flatten : public Layer {
 public:
  explicit Flatten(const LayerOptions& options = {});
};

struct DropoutOptions {
  std::optional<std::uint64_t> seed = {};
  std::string name = {};
};
/// In training zeroes each element with probability `rate` and scales the others by 1 / (1 − rate); else x itself
/// (Srivastava et al. 2014). A rate outside [0, 1) is a UsageError.
class Dropout : public Layer {
 public:
  explicit Dropout(double rate, const DropoutOptions& options = {});
};

/// A function as a layer.
class Activation : public Layer {
 public:
  explicit Activation(ActivationFunction function, const LayerOptions& options = {});
};

}  // namespace keen::nn
