#include "keen/function/tensor_array.h"

#include "core/message.h"
#include "function/deferred.h"
#include "keen/creation.h"
#include "keen/ops/indexing.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

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
namespace {

void set_row_rule(Inference& in) {
  const Shape &buffer = in.shape(0), &value = in.shape(2);
  bool fit = value.rank() + 1 == buffer.rank();
  for (int i = 0; fit && i < value.rank(); ++i) fit = value[i] < 0 || buffer[i + 1] < 0 || value[i] == buffer[i + 1];
  if (!fit || in.dtype(0) != in.dtype(2))
    fail<ShapeError>("set_row", "a value of shape ", value, " is no row of shape ", buffer);
  if (!is_integer(in.dtype(1)) || in.shape(1).rank()) fail<DTypeError>("set_row", "the index must be one integer");
  in.results[0] = {in.dtype(0), buffer};
}

void set_row(KernelCall& call) {
  const TensorImpl &buffer = call.in(0), &value = call.in(2);
  const std::int64_t index = call.inputs[1].tensor().item<std::int64_t>(), rows = buffer.shape[0];
  if (index < 0 || index >= rows)
    fail<IndexError>("TensorArray", "index ", index, " is out of range for ", rows, " elements");
  char* to = call.out().as<char>();
  if (to != buffer.as<char>()) cpu::copy_strided(to, buffer);  // in a plan, the row may be all that changes
  cpu::copy_strided(to + index * value.size * static_cast<std::int64_t>(size_of(value.dtype)), value);
}

}  // namespace

// d buffer = dy without the row, d value = the row of dy
KEEN_OP(set_row){
    .name = "set_row",
    .arity = 3,
    .infer = set_row_rule,
    .cpu = set_row,
    .gradient =
        [](Gradient& g) {
          const Tensor dy = g.dy(), at = g.in(1), row = gather(dy, at);
          if (g.wants(0)) g.set(0, run(*find_op("set_row"), dy, at, zeros_like(row)));
          if (g.wants(2)) g.set(2, row);
        },
    .saves = {input(1), 0, input(1)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "buffer with row index replaced"};

namespace {

void check_form(const Tensor& index) {
  const TensorImpl& t = checked(index, "TensorArray");
  if (!is_integer(t.dtype) || !t.shape.is_known() || t.shape.num_elements() != 1)
    fail<UsageError>(
        "TensorArray", "an index of dtype ", name(t.dtype), " and shape ", t.shape, ": one integer is wanted");
}

}  // namespace
}  // namespace detail

using namespace detail;

TensorArray::TensorArray(DType dtype, detail::Dim size, TensorArrayOptions options)
    : dtype_(dtype),
      size_(size.value),
      shape_(std::move(options.element_shape)),
      elements_(std::make_shared<Elements>()) {
  if (size_ < 0 && !current_tracer()) fail<UsageError>("TensorArray", "the size ", size_, " is negative");
}

TensorArray TensorArray::unstack(const Tensor& values) {
  const Shape& shape = checked(values, "unstack").shape;
  if (shape.empty()) fail<ShapeError>("unstack", "a 0-d tensor has no elements to list");
  Shape element = shape;
  element.erase(0);
  TensorArray out(values.dtype(), shape[0], {element});
  out.elements_ = nullptr;
  out.buffer_ = values;
  return out;
}

std::optional<Shape> TensorArray::element_shape() const {
  if (shape_ || elements_ || is_deferred(buffer_)) return shape_;
  Shape shape = buffer_.shape();
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
    fit = (*wanted)[i] < 0 || value.shape()[i] < 0 || (*wanted)[i] == value.shape()[i];
  if (!fit) fail<ShapeError>("TensorArray", "a value of shape ", value.shape(), " for elements of shape ", *wanted);
}

void TensorArray::check_index(std::int64_t index) const {
  if (index < 0 || (size_ >= 0 && index >= size_))
    fail<IndexError>("TensorArray", "index ", index, " is out of range for ", size_, " elements");
}

/// Is it a list, or can it be one, so that elements are written by reference?
bool TensorArray::holds_elements() const {
  if (elements_) return true;
  if (buffer_.is_symbolic()) return false;
  auto list = std::make_shared<Elements>();
  for (std::int64_t i = 0; i < size_; ++i) list->list.push_back({buffer_[i], 0});
  elements_ = std::move(list);
  version_ = 0;
  buffer_ = Tensor();
  return true;
}

TensorArray TensorArray::write(std::int64_t index, const Tensor& value) const {
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

TensorArray TensorArray::write(const Tensor& index, const Tensor& value) const {
  check_form(index);
  if (!index.is_symbolic() && holds_elements()) return write(index.item<std::int64_t>(), value);
  check_value(value);
  TensorArray out = *this;
  const Tensor before = out.as_buffer();
  if (is_deferred(before)) settle(*current_tracer(), before, value.shape());
  out.elements_ = nullptr;
  out.buffer_ = run(set_row_op, before, index, value);
  if (!out.shape_) out.shape_ = value.shape();
  return out;
}

Tensor TensorArray::read(std::int64_t index) const {
  check_index(index);
  if (!elements_) return row(Tensor(index));
  const auto at = static_cast<std::size_t>(index);
  if (at >= elements_->list.size() || !elements_->list[at].value.defined() || elements_->list[at].version > version_)
    fail<UsageError>("TensorArray", "element ", index, " was not written");
  return elements_->list[at].value;
}

Tensor TensorArray::read(const Tensor& index) const {
  check_form(index);
  return index.is_symbolic() ? row(index) : read(index.item<std::int64_t>());
}

Tensor TensorArray::row(const Tensor& index) const {
  const Tensor buffer = as_buffer();
  if (is_deferred(buffer)) fail<UsageError>("TensorArray", "nothing was written, so that nothing can be read");
  return in_the_name_of("TensorArray", [&] { return gather(buffer, index); });
}

Tensor TensorArray::stack() const {
  const Tensor buffer = as_buffer();
  if (!buffer.defined() || is_deferred(buffer))
    fail<UsageError>("TensorArray", "nothing was written, and no element_shape says what the elements look like");
  return buffer;
}

/// The tensor of all elements; deferred or undefined while nothing is known of them.
Tensor& TensorArray::as_buffer() const {
  if (!elements_) return buffer_;
  const auto shape = element_shape();
  if (!shape) {
    if (!current_tracer()) return buffer_;
    buffer_ = defer(*current_tracer(), dtype_, {size_}, Deferred::zeros);
    elements_ = nullptr;
    return buffer_;
  }
  std::vector<Tensor> all;
  Shape whole = *shape;
  whole.insert(0, size_);
  std::size_t written = 0;
  for (const auto& element : elements_->list) written += element.value.defined() && element.version <= version_;
  if (written == 0 || size_ < 0) {
    Tensor buffer = zeros(whole, {.dtype = dtype_});
    for (std::size_t i = 0; i < elements_->list.size(); ++i)
      if (elements_->list[i].value.defined() && elements_->list[i].version <= version_)
        buffer = run(set_row_op, buffer, Tensor(static_cast<std::int64_t>(i)), elements_->list[i].value);
    buffer_ = buffer;
  } else {
    for (std::size_t i = 0; i < static_cast<std::size_t>(size_); ++i) {
      const bool there =
          i < elements_->list.size() && elements_->list[i].value.defined() && elements_->list[i].version <= version_;
      all.push_back(there ? elements_->list[i].value : zeros(*shape, {.dtype = dtype_}));
    }
    buffer_ = keen::stack(all);
  }
  elements_ = nullptr;
  return buffer_;
}

}  // namespace keen
