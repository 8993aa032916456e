#include "keen/function/tensor_array.h"

#include "core/message.h"
#include "function/deferred.h"
#include "keen/creation.h"
#include "keen/ops/shape.h"

namespace keen {

/// Elements with the version that wrote them. The newest array appends versions in place, so that a loop of n writes costs
/// n; a write to an older array copies.
struct TensorArray::Elements {
  struct Element {
    Tensor value;
    std::size_t version;
  };
  std::vector<Element> list;
  std::size_t newest = 0;
};

namespace detail {
extern const Op set_row_op, get_row_op;

namespace {

void check_form(const Tensor& index) {
  const TensorImpl& t = checked(index, "TensorArray");
  if (!is_integer(t.dtype) || !t.shape.is_known() || t.shape.num_elements() != 1)
    fail<DTypeError>(
        "TensorArray", "an index of dtype ", name(t.dtype), " and shape ", t.shape, ": one integer is wanted");
}

Tensor one_index(const Tensor& index) { return index.rank() ? reshape(index, {}) : index; }

}  // namespace
}  // namespace detail

using namespace detail;

TensorArray::TensorArray(DType dtype, detail::Dim size, TensorArrayOptions options, Where where)
    : dtype_(dtype),
      size_(size.value),
      shape_(std::move(options.element_shape)),
      elements_(std::make_shared<Elements>()) {
  note_line(where);
  if (size_ < 0 && !current_tracer()) fail<UsageError>("TensorArray", "the size ", size_, " is negative");
}

TensorArray TensorArray::unstack(const Tensor& values, Where where) {
  note_line(where);
  const detail::Shape& shape = checked(values, "unstack").shape;
  if (shape.empty()) fail<ShapeError>("unstack", "a 0-d tensor has no elements to list");
  detail::Shape element = shape;
  element.erase(0);
  TensorArray out(values.dtype(), shape[0], {element});
  out.elements_ = nullptr;
  out.buffer_ = values;
  return out;
}

std::optional<keen::Shape> TensorArray::element_shape() const {
  if (shape_ || elements_ || is_deferred(buffer_)) return shape_;
  detail::Shape shape = buffer_.shape();
  shape.erase(0);
  return shape;
}

void TensorArray::check_value(const Tensor& value) const {
  if (checked(value, "TensorArray").dtype != dtype_)
    fail<DTypeError>(
        "TensorArray", "a value of dtype ", name(value.dtype()), " for elements of ", name(dtype_), ": cast it");
  const auto wanted = element_shape();
  bool fit = !wanted || wanted->rank() == value.rank();
  for (int i = 0; wanted && fit && i < value.rank(); ++i)
    fit = wanted->raw(i) < 0 || value.shape().raw(i) < 0 || wanted->raw(i) == value.shape().raw(i);
  if (!fit) fail<ShapeError>("TensorArray", "a value of shape ", value.shape(), " for elements of shape ", *wanted);
}

void TensorArray::check_index(std::int64_t index) const {
  if (index < 0 || (size_ >= 0 && index >= size_))
    fail<IndexError>("TensorArray", "index ", index, " is out of range for ", size_, " elements");
}

/// Is it a list, or can it be one, so that elements are written by reference?
bool TensorArray::holds_elements() const {
  if (elements_) return true;
  // Slices that a trace takes belong to it, and the array may outlive it.
  if (buffer_.is_symbolic() || current_tracer()) return false;
  auto list = std::make_shared<Elements>();
  for (std::int64_t i = 0; i < size_; ++i) list->list.push_back({buffer_[i], 0});
  elements_ = std::move(list);
  version_ = 0;
  buffer_ = Tensor();
  return true;
}

TensorArray TensorArray::write(std::int64_t index, const Tensor& value, Where where) const {
  note_line(where);
  check_index(index);
  if (!holds_elements()) return write(Tensor(index), value);
  check_value(value);
  TensorArray out = *this;
  auto& shared = out.elements_;
  const auto at = static_cast<std::size_t>(index);
  const bool in_place = version_ == shared->newest && (at >= shared->list.size() || !shared->list[at].value.defined());
  if (!in_place) shared = std::make_shared<Elements>(*shared);
  if (shared->list.size() <= at) shared->list.resize(at + 1);
  for (auto& element : shared->list)
    if (!in_place && element.version > version_) element = {};  // written after this array branched off
  out.version_ = shared->newest = in_place ? version_ + 1 : std::max(shared->newest, version_) + 1;
  shared->list[at] = {value, out.version_};
  if (!out.shape_) out.shape_ = value.shape();
  return out;
}

TensorArray TensorArray::write(const Tensor& index, const Tensor& value, Where where) const {
  note_line(where);
  check_form(index);
  if (!index.is_symbolic()) {
    check_index(index.item<std::int64_t>());
    if (holds_elements()) return write(index.item<std::int64_t>(), value);
  }
  check_value(value);
  TensorArray out = *this;
  const Tensor before = out.as_buffer();
  if (is_deferred(before)) settle(*current_tracer(), before, value.shape());
  out.elements_ = nullptr;
  out.buffer_ = run(set_row_op, before, one_index(index), value);
  if (!out.shape_) out.shape_ = value.shape();
  return out;
}

Tensor TensorArray::read(std::int64_t index, Where where) const {
  note_line(where);
  check_index(index);
  if (!elements_) return row(Tensor(index));
  const auto at = static_cast<std::size_t>(index);
  if (at >= elements_->list.size() || !elements_->list[at].value.defined() || elements_->list[at].version > version_)
    fail<UsageError>("TensorArray", "element ", index, " was not written");
  return elements_->list[at].value;
}

Tensor TensorArray::read(const Tensor& index, Where where) const {
  note_line(where);
  check_form(index);
  return index.is_symbolic() ? row(index) : read(index.item<std::int64_t>());
}

Tensor TensorArray::row(const Tensor& index) const {
  const Tensor buffer = all();
  if (!buffer.defined() || is_deferred(buffer))
    fail<UsageError>("TensorArray", "nothing was written, so that nothing can be read");
  return run(get_row_op, buffer, one_index(index));
}

Tensor TensorArray::stack(Where where) const {
  note_line(where);
  const Tensor buffer = all();
  if (!buffer.defined() || is_deferred(buffer))
    fail<UsageError>("TensorArray", "nothing was written, and no element_shape says what the elements look like");
  return buffer;
}

/// The tensor of all elements; deferred or undefined while nothing is known of them.
Tensor TensorArray::joined() const {
  const auto shape = element_shape();
  if (!shape) return current_tracer() ? defer(*current_tracer(), dtype_, {size_}, Deferred::zeros) : Tensor();
  const auto& list = elements_->list;
  const auto is_written = [&](std::size_t i) {
    return i < list.size() && list[i].value.defined() && list[i].version <= version_;
  };
  std::size_t written = 0;
  for (std::size_t i = 0; i < list.size(); ++i) written += is_written(i);
  if (written == 0 || size_ < 0) {
    detail::Shape whole = *shape;
    whole.insert(0, size_);
    Tensor buffer = zeros(whole, {.dtype = dtype_});
    for (std::size_t i = 0; i < list.size(); ++i)
      if (is_written(i)) buffer = run(set_row_op, buffer, Tensor(static_cast<std::int64_t>(i)), list[i].value);
    return buffer;
  }
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < static_cast<std::size_t>(size_); ++i)
    rows.push_back(is_written(i) ? list[i].value : zeros(*shape, {.dtype = dtype_}));
  return keen::stack(rows);
}

/// The same, to be read. In a trace the array stays a list: it may be used outside of that trace too, or of the part of it
/// that goes on. (Equal joins are one in the end.)
Tensor TensorArray::all() const { return elements_ && current_tracer() ? joined() : as_buffer(); }

/// The same, in the place of the list.
Tensor& TensorArray::as_buffer() const {
  if (!elements_) return buffer_;
  Tensor buffer = joined();
  if (!buffer.defined()) return buffer_;
  buffer_ = std::move(buffer);
  elements_ = nullptr;
  return buffer_;
}

}  // namespace keen
