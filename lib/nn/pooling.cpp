// Pooling layers.
#include "core/message.h"
#include "keen/nn/layers.h"
#include "keen/ops/nn.h"
#include "nn/layer_state.h"
#include "ops/windows.h"

namespace keen::nn {

namespace {

struct PoolingState final : detail::LayerState {
  using Operation = Tensor (*)(const Tensor&, const Pool2DOptions&, Where);

  PoolingState(const char* layer_kind, Operation op, Size2 window, const PoolingOptions& o)
      : LayerState(layer_kind, o.name), operation(op) {
    const Size2 strides = o.strides.value_or(window);
    if (window.height < 1 || window.width < 1 || strides.height < 1 || strides.width < 1)
      detail::fail<UsageError>(kind, "window and strides want at least 1");
    detail::is_same_padding(kind, o.padding);  // throws for an unknown name
    pooling.window = window;
    pooling.strides = strides;
    pooling.padding = o.padding;
  }

  Tensor call(Tensor x, const CallOptions&) override {
    if (x.rank() != 4) detail::fail<ShapeError>(kind, "wants images (batch, height, width, channels)");
    return operation(x, pooling, Where());
  }

  const Operation operation;
  Pool2DOptions pooling;
};

}  // namespace

MaxPooling2D::MaxPooling2D(Size2 window, const PoolingOptions& options)
    : Layer(std::make_shared<PoolingState>("max_pooling2d", max_pool2d, window, options)) {}
AveragePooling2D::AveragePooling2D(Size2 window, const PoolingOptions& options)
    : Layer(std::make_shared<PoolingState>("average_pooling2d", avg_pool2d, window, options)) {}

}  // namespace keen::nn
