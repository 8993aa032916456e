// Layer: a module that maps one tensor to one tensor, and makes its variables when it first sees an input's shape.
#pragma once
#include "keen/nn/module.h"

namespace keen {

namespace detail {
struct LayerState;
}

namespace nn {

struct CallOptions {
  bool training = false;  ///< dropout and the like behave differently in training
};

/// What the layers of layers.h have in common; a shared handle. A wrong input shape or dtype is a ShapeError or
/// DTypeError that names the layer by its path.
class Layer : public Module {
 public:
  Tensor operator()(const Tensor& x, const CallOptions& options = {}, Where where = Where::current()) const;
  Tensor operator()(Tensor&& x, const CallOptions& options = {}, Where where = Where::current()) const;
  /// Makes the variables for inputs of this shape; the first call does it too. The batch may be `unknown`. A layer is
  /// built once: for inputs that it does not take it is a UsageError from then on.
  void build(const Shape& input) const;
  bool is_built() const;

 protected:
  explicit Layer(std::shared_ptr<detail::LayerState> state) noexcept;
  detail::LayerState& layer_state() const noexcept;
};

}  // namespace nn
}  // namespace keen
