// Making and destroying tensors.
#include "core/tensor_impl.h"

#include "core/allocator.h"
#include "core/backend.h"
#include "core/context.h"
#include "core/message.h"

namespace keen::detail {
namespace {

constexpr std::size_t header_bytes = (sizeof(TensorImpl) + 63) / 64 * 64;
constexpr std::size_t inline_limit = 4096 - header_bytes;

TensorImpl* new_header(std::size_t block_bytes) {
  auto* impl = new (allocate(block_bytes)) TensorImpl;
  impl->block_bytes = block_bytes;
  impl->id = next_id();
  return impl;
}

void set_row_major(TensorImpl& impl, const Shape& shape) {
  impl.shape = shape;
  int rank = shape.rank();
  impl.strides.resize(rank);
  std::int64_t stride = 1;
  const std::int64_t* dims = impl.shape.data();
  std::int64_t* strides = impl.strides.data();
  for (int i = rank - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= dims[i] > 0 ? dims[i] : 1;
  }
}

}  // namespace

TensorImpl* make_impl(DType dtype, const Shape& shape, std::int64_t size, Device device) {
  std::size_t bytes;
  if (__builtin_mul_overflow(static_cast<std::size_t>(size), size_of(dtype), &bytes))
    fail<OutOfMemory>("allocate", "a tensor of shape ", shape, " and dtype ", name(dtype), " has more bytes than can be addressed");
  bool in_block = device.is_cpu() && bytes <= inline_limit;
  TensorImpl* impl = new_header(in_block ? header_bytes + bytes : header_bytes);
  impl->dtype = dtype;
  impl->device = device;
  impl->size = size;
  if (in_block) {
    impl->flags |= TensorImpl::inline_data;
    impl->data = reinterpret_cast<char*>(impl) + header_bytes;
  } else {
    Tensor guard = Tensor::adopt(impl);  // frees the header when the data is not to be had
    impl->data = device.is_cpu() ? allocate(bytes) : backend(device).allocate(bytes);
    impl->data_bytes = bytes;
    guard.release_impl();
  }
  set_row_major(*impl, shape);
  return impl;
}

Tensor make_tensor(DType dtype, const Shape& shape, Device device) {
  return Tensor::adopt(make_impl(dtype, shape, shape.num_elements(), device));
}

Tensor make_view(const TensorImpl& of, const Shape& shape, const Shape& strides, std::int64_t offset) {
  TensorImpl* impl = new_header(header_bytes);
  auto* root = of.base ? of.base : const_cast<TensorImpl*>(&of);
  retain(root);
  impl->base = root;
  impl->dtype = of.dtype;
  impl->device = of.device;
  impl->shape = shape;
  impl->strides = strides;
  impl->size = shape.num_elements();
  impl->data = static_cast<char*>(of.data) + offset * static_cast<std::int64_t>(size_of(of.dtype));
  impl->flags = static_cast<std::uint8_t>((of.flags & TensorImpl::external) | (is_contiguous(shape, strides) ? TensorImpl::contiguous : 0));
  return Tensor::adopt(impl);
}

Tensor make_symbolic(DType dtype, const Shape& shape, Device device, TraceLink link) {
  TensorImpl* impl = new_header(header_bytes);
  Tensor out = Tensor::adopt(impl);
  impl->dtype = dtype;
  impl->device = device;
  impl->flags = TensorImpl::symbolic;
  impl->size = 0;
  set_row_major(*impl, shape);
  impl->extra = new TensorExtra;
  impl->extra->link = link;
  return out;
}

Tensor make_sparse(const Shape& shape, Tensor values, Tensor indices) {
  TensorImpl* impl = new_header(header_bytes);
  Tensor out = Tensor::adopt(impl);
  impl->dtype = values.dtype();
  impl->device = values.device();
  impl->flags = 0;
  impl->size = shape.num_elements();
  set_row_major(*impl, shape);
  impl->extra = new TensorExtra;
  impl->extra->sparse = std::make_unique<SparseParts>(SparseParts{std::move(values), std::move(indices)});
  return out;
}

void destroy(TensorImpl* impl) noexcept {
  if (impl->extra) [[unlikely]] {
    if (impl->extra->deleter) impl->extra->deleter();
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
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i] > 0 ? shape[i] : 1;
  }
  return strides;
}

bool is_contiguous(const Shape& shape, const Shape& strides) noexcept {
  std::int64_t expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

const TensorImpl& checked(const Tensor& t, const char* operation) {
  if (!t.defined()) fail<UsageError>(operation, "an undefined tensor has no value (an unconnected gradient? see .defined())");
  return *t.impl();
}

Tensor scalar_tensor(DType dtype, const void* value) {
  TensorImpl* impl = make_impl(dtype, Shape(), 1, Device());
  std::memcpy(impl->data, value, size_of(dtype));
  return Tensor::adopt(impl);
}

}  // namespace keen::detail
