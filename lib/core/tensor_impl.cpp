// Making and destroying tensors.
#include "core/tensor_impl.h"

#include <algorithm>
#include <utility>

#include "core/allocator.h"
#include "core/backend.h"
#include "core/context.h"
#include "core/message.h"
#include "keen/log.h"

namespace keen::detail {
namespace {

constexpr std::size_t header_bytes = (sizeof(TensorImpl) + 63) / 64 * 64;
constexpr std::size_t inline_limit = 4096 - header_bytes;

// Inlined: a small operation spends a good part of its time here.
[[gnu::always_inline]] inline TensorImpl* new_header(
    std::size_t block_bytes, DType dtype, Device device, const Shape& shape, const Shape& strides, std::int64_t size) {
  auto* impl = new (allocate(block_bytes)) TensorImpl(dtype, device, shape, strides, size);
  impl->block_bytes = block_bytes;
  impl->id = next_id();
  return impl;
}

// A header and its elements in blocks of their own.
[[gnu::noinline]] TensorImpl* make_apart(
    std::size_t bytes, DType dtype, Device device, const Shape& shape, const Shape& strides, std::int64_t size) {
  Tensor guard =
      Tensor::adopt(new_header(header_bytes, dtype, device, shape, strides, size));  // freed when no data is to be had
  TensorImpl* impl = guard.impl();
  impl->data = device.is_cpu() ? allocate(bytes) : backend(device).allocate(bytes);
  impl->data_bytes = bytes;
  return guard.release_impl();
}

[[noreturn, gnu::noinline]] void too_large(const Shape& shape, DType dtype) {
  fail<OutOfMemory>(
      "allocate", "a tensor of shape ", shape, " and dtype ", name(dtype), " has more bytes than can be addressed");
}

}  // namespace

TensorImpl* make_impl(DType dtype, const Shape& shape, const Shape& strides, std::int64_t size, Device device) {
  std::size_t bytes;
  if (__builtin_mul_overflow(static_cast<std::size_t>(size), size_of(dtype), &bytes)) too_large(shape, dtype);
  if (device.is_cpu() && bytes <= inline_limit) [[likely]] {
    TensorImpl* impl = new_header(header_bytes + bytes, dtype, device, shape, strides, size);
    impl->flags |= TensorImpl::inline_data;
    impl->data = reinterpret_cast<char*>(impl) + header_bytes;
    return impl;
  }
  return make_apart(bytes, dtype, device, shape, strides, size);
}

Tensor make_tensor(DType dtype, const Shape& shape, Device device) {
  std::int64_t size = shape.num_elements();
  return Tensor::adopt(make_impl(dtype, shape, contiguous_strides(shape), size, device));
}

Tensor make_result(const char* operation, DType dtype, const Shape& shape, Device device) {
  try {
    return make_tensor(dtype, shape, device);
  } catch (const ShapeError& e) {
    rethrow_as(operation, e);
  } catch (const OutOfMemory& e) {
    throw OutOfMemory(text('[', operation, "] shape ", shape, ", ", name(dtype), ": ", e.what()));
  }
}

Tensor make_view(const TensorImpl& of, const Shape& shape, const Shape& strides, std::int64_t offset) {
  // Axes of size 1 may carry any stride; a contiguous view gets the row-major ones, as every contiguous tensor has.
  bool whole = is_contiguous(shape, strides);
  TensorImpl* impl = new_header(
      header_bytes, of.dtype, of.device, shape, whole ? contiguous_strides(shape) : strides, shape.num_elements());
  auto* root = of.base ? of.base : const_cast<TensorImpl*>(&of);
  retain(root);
  impl->base = root;
  impl->data = static_cast<char*>(of.data) + offset * static_cast<std::int64_t>(size_of(of.dtype));
  impl->flags = static_cast<std::uint8_t>((of.flags & TensorImpl::external) | (whole ? TensorImpl::contiguous : 0));
  return Tensor::adopt(impl);
}

Tensor make_symbolic(DType dtype, const Shape& shape, Device device, TraceLink link) {
  Tensor out = Tensor::adopt(new_header(header_bytes, dtype, device, shape, contiguous_strides(shape), 0));
  out.impl()->flags = TensorImpl::symbolic;
  out.impl()->extra = new TensorExtra{{}, link, {}};
  return out;
}

Tensor make_sparse(const Shape& shape, Tensor values, Tensor indices) {
  Tensor out = Tensor::adopt(new_header(
      header_bytes, values.dtype(), values.device(), shape, contiguous_strides(shape), shape.num_elements()));
  out.impl()->flags = 0;
  out.impl()->extra = new TensorExtra;
  out.impl()->extra->sparse = std::make_unique<SparseParts>(SparseParts{std::move(values), std::move(indices)});
  return out;
}

namespace {

// What a caller's deleter throws has nowhere to go.
[[gnu::noinline]] void give_back(const std::function<void()>& deleter) noexcept {
  try {
    deleter();
  } catch (const std::exception& error) {
    log(LogLevel::error, text("from_buffer: the deleter threw: ", error.what()));
  } catch (...) {
    log(LogLevel::error, "from_buffer: the deleter threw");
  }
}

}  // namespace

void destroy(TensorImpl* impl) noexcept {
  if (impl->extra) [[unlikely]] {
    if (impl->extra->deleter) give_back(impl->extra->deleter);
    delete impl->extra;
  }
  if (impl->base) release(impl->base);
  else if (impl->data_bytes) {
    if (impl->device.is_cpu()) deallocate(impl->data, impl->data_bytes);
    else backend(impl->device).deallocate(impl->data, impl->data_bytes);
  }
  std::size_t bytes = impl->block_bytes;
  impl->~TensorImpl();
  deallocate(impl, bytes);
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  std::int64_t stride = 1;
  std::int64_t* at = strides.data();
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const std::int64_t dim = std::exchange(at[i], stride);
    // Beside an axis of size 0 the others may be of any size: strides that overflow are never used.
    if (dim > 0 && __builtin_mul_overflow(stride, dim, &stride)) stride = 1;
  }
  return strides;
}

bool is_contiguous(const Shape& shape, const Shape& strides) noexcept {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return true;
  std::int64_t expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

const TensorImpl& checked(const Tensor& t, const char* operation) {
  if (!t.defined())
    fail<UsageError>(operation, "an undefined tensor has no value (an unconnected gradient? see .defined())");
  return *t.impl();
}

Tensor scalar_tensor(DType dtype, const void* value) {
  static const Shape scalar;
  TensorImpl* impl = make_impl(dtype, scalar, scalar, 1, Device());
  std::memcpy(impl->data, value, size_of(dtype));
  return Tensor::adopt(impl);
}

}  // namespace keen::detail
