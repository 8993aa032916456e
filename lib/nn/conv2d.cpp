// Conv2D: a convolution, a bias and an activation.
#include "core/message.h"
#include "keen/nn/layers.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/nn.h"
#include "nn/layer_state.h"
#include "ops/windows.h"

namespace keen::nn {

namespace {

struct Conv2DState final : detail::LayerState {
  Conv2DState(std::int64_t n, Size2 size, const Conv2DLayerOptions& o)
      : LayerState("conv2d", o.name), filters(n), window(size), options(o) {
    convolution.strides = o.strides;
    convolution.padding = o.padding;
    convolution.dilation = o.dilation;
    convolution.groups = o.groups;
  }

  void build(const detail::Shape& input) override {
    if (input.rank() != 4 || input[-1] < 0)
      detail::fail<ShapeError>("conv2d", "wants images (batch, height, width, channels) with known channels");
    if (input[-1] % options.groups != 0)
      detail::fail<ShapeError>("conv2d", input[-1], " channels do not divide into ", options.groups, " groups");
    Variable new_kernel = weight(
        "kernel", {window.height, window.width, input[-1] / options.groups, filters}, options.kernel_initializer);
    Variable new_bias = options.use_bias ? weight("bias", {filters}, options.bias_initializer) : Variable();
    add_member("kernel", kernel = new_kernel);
    if (options.use_bias) add_member("bias", bias = new_bias);
  }

  void check_input(const detail::Shape& input) override {
    const std::int64_t channels = kernel.dim(2) * options.groups;
    if (input.rank() != 4 || (input[-1] >= 0 && input[-1] != channels))
      detail::fail<ShapeError>("conv2d", "was built for images (batch, height, width, ", channels, ')');
  }

  Tensor call(Tensor x, const CallOptions&) override {
    check_input(x.shape());
    Tensor y = conv2d(x, kernel, convolution);
    if (options.use_bias) y = add(std::move(y), bias);
    return options.activation(std::move(y));
  }

  const std::int64_t filters;
  const Size2 window;
  const Conv2DLayerOptions options;
  Conv2DOptions convolution;
  Variable kernel, bias;
};

bool positive(Size2 size) { return size.height >= 1 && size.width >= 1; }

void check(std::int64_t filters, Size2 window, const Conv2DLayerOptions& o) {
  if (filters < 1 || !positive(window) || !positive(o.strides) || !positive(o.dilation) || o.groups < 1)
    detail::fail<UsageError>("conv2d", "filters, window, strides, dilation and groups want at least 1");
  if (filters % o.groups != 0)
    detail::fail<UsageError>("conv2d", filters, " filters do not divide into ", o.groups, " groups");
  detail::is_same_padding("conv2d", o.padding);  // throws for an unknown name
}

}  // namespace

Conv2D::Conv2D(std::int64_t filters, Size2 kernel_size, const Conv2DLayerOptions& options)
    : Layer((check(filters, kernel_size, options), std::make_shared<Conv2DState>(filters, kernel_size, options))) {}
Variable Conv2D::kernel() const { return is_built() ? static_cast<Conv2DState&>(layer_state()).kernel : Variable(); }
Variable Conv2D::bias() const { return is_built() ? static_cast<Conv2DState&>(layer_state()).bias : Variable(); }

}  // namespace keen::nn
