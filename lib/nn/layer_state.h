// LayerState: what a layer does behind its handle.
#pragma once
#include <atomic>

#include "keen/nn/initializers.h"
#include "keen/nn/layer.h"
#include "nn/module_state.h"

namespace keen::detail {

struct LayerState : ModuleState {
  /// `kind` ("dense") opens error texts, and names the layer when nobody else does.
  LayerState(const char* layer_kind, const std::string& given)
      : ModuleState(given.empty() ? layer_kind : given), kind(layer_kind), is_named(!given.empty()) {}

  /// Builds when needed and computes. ShapeErrors from below get the layer's path.
  virtual Tensor run(Tensor x, const nn::CallOptions& options);
  /// Builds once, outside tapes and traces, whichever thread comes first.
  void ensure_built(const Shape& input);
  /// Throws ShapeError for an input that a built layer does not take.
  virtual void check_input(const Shape& input) { static_cast<void>(input); }

  const char* kind;
  const bool is_named;  // by the user
  std::atomic<bool> built{false};

 protected:
  /// Makes the variables. Must change nothing when it throws.
  virtual void build(const Shape& input) { static_cast<void>(input); }
  virtual Tensor call(Tensor x, const nn::CallOptions& options) = 0;
  /// A new variable, not yet registered: that comes once nothing can fail any more.
  Variable weight(const char* member_name, const Shape& shape, const initializers::Initializer& initializer) const;

 private:
  template <class E>
  [[noreturn]] void rethrow(const E& error, const Shape& input) const;
  std::mutex build_mutex_;
};

}  // namespace keen::detail
