// Tensor's own members: what it is, and its elements on the host.
#include "keen/tensor.h"

#include "core/backend.h"
#include "core/context.h"
#include "core/message.h"
#include "core/tensor_impl.h"
#include "cpu/kernels.h"

namespace keen {

using detail::checked;
using detail::fail;

DType Tensor::dtype() const { return checked(*this, "dtype").dtype; }
const Shape& Tensor::shape() const { return checked(*this, "shape").shape; }
Strides Tensor::strides() const { return Strides(checked(*this, "strides").strides); }
Device Tensor::device() const { return checked(*this, "device").device; }
bool Tensor::is_contiguous() const { return checked(*this, "is_contiguous").is_contiguous(); }
bool Tensor::is_sparse() const noexcept { return impl_ && impl_->is_sparse(); }
bool Tensor::is_symbolic() const noexcept {
  if (!is_sparse()) return impl_ && impl_->is_symbolic();
  const auto& parts = *impl_->extra->sparse;
  return parts.values.is_symbolic() || parts.indices.is_symbolic();
}

Size Tensor::dim(int axis, Where where) const {
  detail::note_line(where);
  const detail::Shape& s = shape();
  if (axis < -s.rank() || axis >= s.rank()) fail<IndexError>("dim", "axis ", axis, " is out of range for shape ", s);
  return Size(s[axis]);
}

std::int64_t Tensor::size() const {
  const auto& t = checked(*this, "size");
  if (t.is_symbolic() && !t.shape.is_known())
    fail<ShapeError>(
        "size", "a tensor of shape ", t.shape,
        " has no number of elements in this trace: compute with Tensor(x.dim(0)), or trace for known sizes");
  return t.is_symbolic() ? t.shape.num_elements() : t.size;
}

Tensor Tensor::values() const {
  if (!is_sparse())
    fail<UsageError>("values", "the tensor is not sparse: only gradients of gather are (see is_sparse())");
  return impl_->extra->sparse->values;
}

Tensor Tensor::indices() const {
  if (!is_sparse())
    fail<UsageError>("indices", "the tensor is not sparse: only gradients of gather are (see is_sparse())");
  return impl_->extra->sparse->indices;
}

namespace {

// A tensor without elements is asked about: a trace may know the answer, or how to get the elements.
std::optional<std::int64_t> ask(const Tensor& t, const char* operation, detail::Question question) {
  auto* interpreter = detail::thread_context.interpreter;
  checked(t, operation);
  if (!interpreter || !t.is_symbolic()) return {};
  return interpreter->ask(detail::densify(t), question);
}

// Elements are about to be read on the host: dense, concrete, contiguous, on the cpu.
Tensor readable(const Tensor& t, const char* operation) {
  const auto& impl = checked(t, operation);
  if (t.is_symbolic())
    fail<UsageError>(
        operation, "a tensor of shape ", impl.shape,
        " inside a traced function has no value yet; it escaped its trace or is asked for its value there");
  Tensor dense = detail::densify(t);
  if (!dense.device().is_cpu()) dense = dense.cpu();
  if (dense.is_contiguous()) return dense;
  Tensor copy = detail::make_tensor(dense.dtype(), dense.shape(), Device());
  detail::cpu::copy_strided(copy.impl()->data, *dense.impl());
  return copy;
}

}  // namespace

void detail::check_one_element(const Shape& shape, Question question) {
  if (!shape.is_known() || shape.num_elements() == 1) return;
  if (question == Question::truth)
    fail<ShapeError>("bool", "the truth of a tensor of shape ", shape, " is ambiguous: use any() or all()");
  fail<ShapeError>(
      "item", "a tensor of shape ", shape, " has ", shape.num_elements(),
      " elements, not one: index it first, or take all with to_vector()");
}

void Tensor::item_as(DType dtype, void* out, Where where) const {
  detail::note_line(where);
  const auto question = is_integer(checked(*this, "item").dtype) || impl_->dtype == DType::bool_
                            ? detail::Question::integer
                            : detail::Question::value;
  detail::check_one_element(impl_->shape, question);
  if (const auto answer = ask(*this, "item", question))
    return detail::cpu::convert(dtype, out, DType::int64, &*answer, 1);
  Tensor t = readable(*this, "item");
  detail::cpu::convert(dtype, out, t.impl_->dtype, t.impl_->data, 1);
}

std::size_t Tensor::host_size(Where where) const {
  detail::note_line(where);
  ask(*this, "to_vector", detail::Question::value);  // a trace may have the elements once they are asked for
  const auto& t = checked(*this, "to_vector");
  return static_cast<std::size_t>(t.is_symbolic() ? 0 : t.size);
}

void Tensor::copy_to(DType dtype, void* out) const {
  ask(*this, "to_vector", detail::Question::value);
  Tensor t = readable(*this, "to_vector");
  detail::cpu::convert(dtype, out, t.impl_->dtype, t.impl_->data, t.impl_->size);
}

const void* Tensor::raw(DType dtype) const {
  const auto& t = checked(*this, "span");
  if (t.is_symbolic() || t.is_sparse())
    fail<UsageError>(
        "span", "a symbolic or sparse tensor has no elements to point to: to_vector() copies what it stands for");
  if (t.dtype != dtype)
    fail<DTypeError>("span", "the elements are ", name(t.dtype), ", not ", name(dtype), ": cast first");
  if (!t.device.is_cpu()) fail<DeviceError>("span", "the tensor is on ", t.device, ": call .cpu() first");
  if (!t.is_contiguous()) fail<UsageError>("span", "the tensor is a view with gaps: call .contiguous() first");
  return t.data;
}

Tensor::operator bool() const {
  const auto& t = checked(*this, "bool");
  detail::check_one_element(t.shape, detail::Question::truth);
  if (const auto answer = ask(*this, "bool", detail::Question::truth)) return *answer != 0;
  return item<bool>();
}

Tensor::Iterator Tensor::begin() const {
  if (rank() == 0) fail<ShapeError>("begin", "a 0-d tensor cannot be iterated over: item() gives its value");
  return {this, 0};
}
Tensor::Iterator Tensor::end() const {
  const std::int64_t rows = rank() == 0 ? 0 : shape().raw(0);
  if (rows < 0)
    fail<UsageError>(
        "end", "the rows of a tensor of shape ", shape(),
        " cannot be walked one by one while their number is open in this trace: use scan or map_fn, or loop over "
        "range(x.dim(0), carry(…))");
  return {this, rows};
}

}  // namespace keen
