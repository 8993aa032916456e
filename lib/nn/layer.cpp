// What all layers share: lazy building and errors that say where.
#include "keen/nn/layer.h"

#include "core/context.h"
#include "core/message.h"
#include "nn/layer_state.h"

namespace keen::detail {

Tensor LayerState::run(Tensor x, const nn::CallOptions& options) {
  if (!x.defined()) fail<UsageError>(kind, "layer '", current_path(), "' was called with an undefined tensor");
  const Shape shape = x.shape();
  try {
    ensure_built(shape);
    return call(std::move(x), options);
  } catch (const ShapeError& error) {
    rethrow(error, shape);
  } catch (const DTypeError& error) {
    rethrow(error, shape);
  }
}

void LayerState::ensure_built(const Shape& input) {
  if (built.load(std::memory_order_acquire)) return;
  std::lock_guard lock(build_mutex_);
  if (built.load(std::memory_order_relaxed)) return;
  CreationScope outside_tapes_and_traces;
  build(input);
  built.store(true, std::memory_order_release);
}

Variable LayerState::weight(
    const char* member_name, const Shape& shape, const initializers::Initializer& initializer) const {
  Variable variable(initializer(shape, DType::float32));
  if (variable.shape() != shape)
    fail<UsageError>(kind, "the initializer of '", member_name, "' made shape ", variable.shape(), ", not ", shape);
  return variable;
}

template <class E>
void LayerState::rethrow(const E& error, const Shape& input) const {
  throw E(text(error.what(), " (layer '", current_path(), "', input of shape ", input, ")"));
}

}  // namespace keen::detail

namespace keen::nn {

Layer::Layer(std::shared_ptr<detail::LayerState> state) noexcept : Module(std::move(state)) {}

detail::LayerState& Layer::layer_state() const noexcept { return static_cast<detail::LayerState&>(*module_state()); }

Tensor Layer::operator()(const Tensor& x, const CallOptions& options, Where where) const {
  detail::note_line(where);
  return layer_state().run(x, options);
}
Tensor Layer::operator()(Tensor&& x, const CallOptions& options, Where where) const {
  detail::note_line(where);
  return layer_state().run(std::move(x), options);
}

void Layer::build(const Shape& input) const {
  detail::LayerState& state = layer_state();
  if (is_built()) try {
      return state.check_input(input);
    } catch (const ShapeError& error) {
      throw UsageError(detail::text(
          error.what(), ", not for shape ", input, " (layer '", path(), "'): a layer is built once, make another one"));
    }
  try {
    state.ensure_built(input);
  } catch (const ShapeError& error) {
    throw ShapeError(detail::text(error.what(), " (layer '", path(), "', built for inputs of shape ", input, ")"));
  }
}
bool Layer::is_built() const { return layer_state().built.load(std::memory_order_acquire); }

}  // namespace keen::nn
