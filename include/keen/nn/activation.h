// ActivationFunction: how a layer's `activation` option is written.
#pragma once
#include <functional>
#include <string>

#include "keen/operand.h"

namespace keen::nn {

/// A function of one tensor, from an operation (`relu`, also one with overloads), a callable, or a name ("relu",
/// "tanh", "sigmoid", "softmax", "gelu", "softplus", "linear"; another is a UsageError). Default, and for an empty function
/// or nullptr: x itself.
class ActivationFunction {
 public:
  ActivationFunction() noexcept = default;
  ActivationFunction(std::nullptr_t) noexcept {}
  ActivationFunction(Tensor (*function)(TensorOperand));
  ActivationFunction(Tensor (*function)(const Tensor&));
  ActivationFunction(const char* name);
  ActivationFunction(const std::string& name) : ActivationFunction(name.c_str()) {}
  template <class F>
  requires(std::is_class_v<F> && !std::is_same_v<F, Tensor> && std::is_invocable_r_v<Tensor, F&, const Tensor&>)
      ActivationFunction(F function) {
    if constexpr (requires { function == nullptr; })
      if (function == nullptr) return;
    call_ = [f = std::move(function)](Tensor&& x) mutable -> Tensor { return f(static_cast<const Tensor&>(x)); };
  }

  /// May take over the buffer of x.
  Tensor operator()(Tensor x) const { return call_ ? call_(std::move(x)) : x; }

 private:
  std::function<Tensor(Tensor&&)> call_;
};

}  // namespace keen::nn
