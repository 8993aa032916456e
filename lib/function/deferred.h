// Deferred tensors: buffers of tensor arrays whose element shape is known only once a loop's body writes to them.
#pragma once
#include "function/tracer.h"

namespace keen::detail {

/// What it will turn out to be.
enum class Deferred { zeros, input };

/// A tensor without a place in the trace yet; of its shape only the first size is known.
Tensor defer(Tracer& tracer, DType dtype, const Shape& size, Deferred kind);
bool is_deferred(const Tensor& tensor) noexcept;
/// Gives it its element shape, and so its place in the trace that deferred it.
void settle(Tracer& tracer, const Tensor& deferred, const Shape& element);

}  // namespace keen::detail
