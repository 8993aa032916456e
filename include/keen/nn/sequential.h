// Sequential: layers and functions applied one after the other.
#pragma once
#include <functional>
#include <initializer_list>

#include "keen/nn/layers.h"

namespace keen::nn {

/// One step of a Sequential: a layer, a module that can be called, an operation (`relu`) or any callable
/// Tensor → Tensor, with or without CallOptions.
class Step {
 public:
  using Function = std::function<Tensor(Tensor&&, const CallOptions&)>;

  Step(Tensor (*operation)(TensorOperand)) : Step(Activation(operation)) {}
  Step(Tensor (*operation)(const Tensor&)) : Step(Activation(operation)) {}
  template <class F>
  requires(
      std::is_class_v<F> && !std::is_same_v<F, Step> && !std::is_same_v<F, Tensor> &&
      (std::is_invocable_r_v<Tensor, F&, const Tensor&> ||
       std::is_invocable_r_v<Tensor, F&, const Tensor&, const CallOptions&>)) Step(F part) {
    if constexpr (std::is_base_of_v<Module, F>) module_ = part.module_state();
    if constexpr (requires { part == nullptr; })
      if (part == nullptr) throw UsageError("[sequential] a step is an empty function: leave it out");
    call_ = [part = std::move(part)](Tensor&& x, const CallOptions& options) mutable -> Tensor {
      if constexpr (std::is_base_of_v<Layer, F>) return part(std::move(x), options);
      else if constexpr (std::is_invocable_r_v<Tensor, F&, const Tensor&, const CallOptions&>)
        return part(static_cast<const Tensor&>(x), options);
      else return part(static_cast<const Tensor&>(x));
    };
  }

  const Function& call() const noexcept { return call_; }
  /// The module behind the step; null for a plain function.
  const std::shared_ptr<detail::ModuleState>& module() const noexcept { return module_; }

 private:
  Function call_;
  std::shared_ptr<detail::ModuleState> module_;
};

/// Applies its steps in order; a shared handle, and itself a layer. Parts are named by what they are ("dense",
/// "dense_1"), or by their own names. Compilers differ over braces that hold one Sequential alone: clang copies the handle,
/// g++ makes a Sequential of one step; `add` always nests.
class Sequential : public Layer {
 public:
  Sequential() : Sequential({}, {}) {}
  Sequential(std::initializer_list<Step> steps) : Sequential(std::vector<Step>(steps), {}) {}
  Sequential(const std::vector<Step>& steps, const LayerOptions& options);
  void add(const Step& step) const;
};

}  // namespace keen::nn
