#include "function/deferred.h"

#include "core/message.h"
#include "keen/creation.h"

namespace keen::detail {

Tensor defer(Tracer& tracer, DType dtype, const Shape& size, Deferred kind) {
  Tensor tensor = make_symbolic(dtype, size, current_device(), {nullptr, kind == Deferred::input ? -2 : -3});
  tracer.own_deferred(tensor);
  return tensor;
}

bool is_deferred(const Tensor& tensor) noexcept {
  return tensor.is_symbolic() && !tensor.impl()->extra->link.trace && tensor.impl()->extra->link.value < -1;
}

void settle(Tracer& tracer, const Tensor& deferred, const Shape& element) {
  if (!is_deferred(deferred)) return;
  Tracer& owner = tracer.owner_of_deferred(deferred);
  TensorImpl& impl = *deferred.impl();
  Shape shape = impl.shape;
  for (auto dim : element) shape.push_back(dim);
  Graph& graph = owner.graph();
  if (impl.extra->link.value == -2) {
    const int value = graph.add_value({impl.dtype, shape, impl.device, {}});
    graph.inputs.push_back(value);
    impl.extra->link = graph.link(value);
  } else {
    EagerScope aside;
    thread_context.interpreter = &owner;
    const Tensor made = zeros(shape, {.dtype = impl.dtype});
    impl.extra->link = graph.link(owner.number_of(made));
  }
  impl.strides = contiguous_strides(shape);
  impl.shape = shape;
}

}  // namespace keen::detail
