// Layers without variables: Flatten, Dropout, Activation.
#include "core/message.h"
#include "keen/nn/layers.h"
#include "keen/ops/nn.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "nn/layer_state.h"

namespace keen::nn {

namespace {

struct FlattenState final : detail::LayerState {
  explicit FlattenState(const LayerOptions& o) : LayerState("flatten", o.name) {}

  Tensor call(Tensor x, const CallOptions&) override {
    if (x.rank() < 1) detail::fail<ShapeError>("flatten", "wants a batch dimension");
    // The product is spelled out where it is known: -1 could not be told from an empty batch.
    std::int64_t rest = 1;
    for (int i = 1; i < x.rank(); ++i) rest = x.shape().raw(i) < 0 || rest < 0 ? -1 : rest * x.shape().raw(i);
    return reshape(x, {x.shape().raw(0), rest});
  }
};

struct DropoutState final : detail::LayerState {
  DropoutState(double probability, const DropoutOptions& o) : LayerState("dropout", o.name), rate(probability) {
    if (!(rate >= 0 && rate < 1)) detail::fail<UsageError>("dropout", "rate ", rate, ": wants 0 ≤ rate < 1");
    // A stream of its own: the same seed repeats the same masks call by call, not the same mask.
    if (o.seed) draw.generator = Generator(*o.seed);
  }

  Tensor call(Tensor x, const CallOptions& options) override {
    return options.training && rate > 0 ? dropout(x, rate, draw) : x;
  }

  const double rate;
  RandomOptions draw;
};

struct ActivationState final : detail::LayerState {
  ActivationState(ActivationFunction f, const LayerOptions& o)
      : LayerState("activation", o.name), function(std::move(f)) {}
  Tensor call(Tensor x, const CallOptions&) override { return function(std::move(x)); }

  const ActivationFunction function;
};

}  // namespace

Flatten::Flatten(const LayerOptions& options) : Layer(std::make_shared<FlattenState>(options)) {}
Dropout::Dropout(double rate, const DropoutOptions& options) : Layer(std::make_shared<DropoutState>(rate, options)) {}
Activation::Activation(ActivationFunction function, const LayerOptions& options)
    : Layer(std::make_shared<ActivationState>(std::move(function), options)) {}

}  // namespace keen::nn
