// Dense: a product, a bias and an activation.
#include "core/message.h"
#include "keen/nn/layers.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "nn/layer_state.h"

namespace keen::nn {

namespace {

struct DenseState final : detail::LayerState {
  DenseState(std::int64_t n, const DenseOptions& o) : LayerState("dense", o.name), units(n), options(o) {}

  void build(const detail::Shape& input) override {
    if (input.rank() < 2 || input[-1] < 0)
      detail::fail<ShapeError>("dense", "wants inputs (…, features) of rank 2 or more with a known last dimension");
    Variable new_kernel = weight("kernel", {input[-1], units}, options.kernel_initializer);
    Variable new_bias = options.use_bias ? weight("bias", {units}, options.bias_initializer) : Variable();
    add_member("kernel", kernel = new_kernel);
    if (options.use_bias) add_member("bias", bias = new_bias);
  }

  void check_input(const detail::Shape& input) override {
    const std::int64_t features = kernel.dim(0);
    if (input.rank() < 2 || (input[-1] >= 0 && input[-1] != features))
      detail::fail<ShapeError>("dense", "was built for inputs (…, ", features, ')');
  }

  Tensor call(Tensor x, const CallOptions&) override {
    check_input(x.shape());
    Tensor y = matmul(x, kernel);
    if (options.use_bias) y = add(std::move(y), bias);
    return options.activation(std::move(y));
  }

  const std::int64_t units;
  const DenseOptions options;
  Variable kernel, bias;
};

}  // namespace

Dense::Dense(std::int64_t units, const DenseOptions& options) : Layer(std::make_shared<DenseState>(units, options)) {
  if (units < 1) detail::fail<UsageError>("dense", "units = ", units, ": wants at least 1");
}
Variable Dense::kernel() const { return is_built() ? static_cast<DenseState&>(layer_state()).kernel : Variable(); }
Variable Dense::bias() const { return is_built() ? static_cast<DenseState&>(layer_state()).bias : Variable(); }

}  // namespace keen::nn
