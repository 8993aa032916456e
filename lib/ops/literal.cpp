// Making tensors from literals, containers and buffers.
#include "core/message.h"
#include "core/numbers.h"
#include "core/visit.h"
#include "keen/creation.h"
#include "keen/ops/shape.h"
#include "ops/creation.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

DType meet(DType a, DType b) {
  try {
    return promote(a, b);
  } catch (const DTypeError&) {
    fail<DTypeError>(
        "constant", "no integer dtype holds both ", name(a), " and ", name(b),
        " elements: say which one is wanted, e.g. {.dtype = float64}");
  }
}

// Checks the form of nested lists; `dtype`, where it is wanted, becomes the common one of the elements.
void measure(const Literal& l, const Shape& shape, int depth, DType* dtype, bool& first) {
  if (!l.is_list()) {
    if (depth != shape.rank())
      fail<ShapeError>("constant", "the lists are nested unequally deep: every element needs as many braces");
    if (dtype) *dtype = first ? l.dtype() : meet(*dtype, l.dtype());
    first = false;
    return;
  }
  auto n = static_cast<std::int64_t>(l.size());
  if (depth == shape.rank())
    fail<ShapeError>("constant", "the lists are nested unequally deep: every element needs as many braces");
  if (shape[depth] != n)
    fail<ShapeError>(
        "constant", "lists of ", shape[depth], " and of ", n,
        " elements stand side by side: lists of one level need one length");
  for (auto& item : l) measure(item, shape, depth + 1, dtype, first);
}

// The depth of the first element decides; `measure` then checks the others against it.
void outline(const Literal& l, Shape& shape) {
  for (const Literal* at = &l; at->is_list(); at = at->begin()) {
    shape.push_back(static_cast<std::int64_t>(at->size()));
    if (at->size() == 0) break;
  }
}

// A literal as the number it is.
Operand number(const Literal& l) {
  if (l.dtype() == DType::float32) return l.real();
  if (l.dtype() == DType::uint64) return static_cast<std::uint64_t>(l.integer());
  return l.integer();
}

template <class T>
T* write(const Literal& l, T* out) {
  if (l.is_list()) {
    for (auto& item : l) out = write(item, out);
    return out;
  }
  const Operand n = number(l);
  check_holds("constant", n, dtype_of<T>);
  if constexpr (std::is_floating_point_v<T>) *out = static_cast<T>(n.real());
  else if constexpr (std::is_same_v<T, bool>) *out = n.real() != 0;
  else *out = n.kind() == Operand::Kind::weak_float ? static_cast<T>(n.real()) : static_cast<T>(n.integer());
  return out + 1;
}

DType compute_dtype(DType d) {
  return is_complex(d) || d == DType::float16 || d == DType::bfloat16 ? DType::float64 : d;
}

template <class F>
void visit_literal(DType dtype, F&& f) {
  if (dtype == DType::bool_) f(bool{});
  else visit_numeric(dtype, "constant", f);
}

// A number by itself: no lists to measure.
Tensor of_number(const Literal& number, DType dtype) {
  Tensor t;
  visit_literal(dtype, [&]<class T>(T value) {
    write(number, &value);
    t = scalar_tensor(dtype, &value);
  });
  return t;
}

// `dtype` is the common one of the elements unless it is given.
Tensor of_lists(const Literal& lists, std::optional<DType>& dtype) {
  Shape shape;
  outline(lists, shape);
  DType natural = float32;
  bool first = true;
  measure(lists, shape, 0, dtype ? nullptr : &natural, first);
  if (!dtype) dtype = natural;
  Tensor t = make_result("constant", compute_dtype(*dtype), shape);
  visit_literal(t.dtype(), [&]<class T>(T) { write(lists, t.impl()->as<T>()); });
  return t;
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor constant(const Literal& literal, const TensorOptions& options, Where where) {
  note_line(where);
  std::optional<DType> wanted = options.dtype;
  if (!literal.is_list() && !wanted) wanted = literal.dtype();
  Tensor t = literal.is_list() ? of_lists(literal, wanted) : of_number(literal, compute_dtype(*wanted));
  EagerScope eager;
  if (t.dtype() != *wanted) t = t.cast(*wanted);
  return to_current(std::move(t), options.device);
}

namespace {

// A copy of elements on the host; `operation` is what the user called.
Tensor copied(
    const char* operation, DType dtype, const void* data, const keen::Shape& shape, const TensorOptions& options) {
  Tensor t = make_result(operation, dtype, shape);
  if (t.size() > 0) {
    if (!data) fail<UsageError>(operation, "null data for shape ", shape, ", which has elements");
    std::memcpy(t.impl()->data, data, t.nbytes());
  }
  EagerScope eager;
  return to_current(convert_exactly(operation, t, options.dtype.value_or(dtype)), options.device);
}

}  // namespace

Tensor detail::constant_of_elements(
    DType dtype, const void* data, std::size_t count, const Shape& shape, const TensorOptions& options) {
  in_the_name_of("constant", [&] {
    if (shape.num_elements() != static_cast<std::int64_t>(count))
      fail<ShapeError>("constant", count, " values do not fill shape ", shape);
  });
  return copied("constant", dtype, data, shape, options);
}

// Packed bits become a byte each.
Tensor detail::constant_of_bools(const std::vector<bool>& values, const Shape& shape, const TensorOptions& options) {
  const std::vector<std::uint8_t> bytes(values.begin(), values.end());
  return constant_of_elements(DType::bool_, bytes.data(), bytes.size(), shape, options);
}

Tensor detail::constant_of_rows(const std::vector<Tensor>& rows, const TensorOptions& options) {
  if (rows.empty()) fail<UsageError>("constant", "no rows: the shape is not to be seen; use zeros({0, n})");
  EagerScope eager;
  const Tensor t = in_the_name_of("constant", [&] { return stack(rows); });
  return to_current(convert_exactly("constant", t, options.dtype.value_or(t.dtype())), options.device);
}

Tensor detail::constant_of_tensor(const Tensor& tensor, const TensorOptions& options, Where where) {
  note_line(where);
  checked(tensor, "constant");
  const Tensor t = options.dtype ? convert_exactly("constant", tensor, *options.dtype) : tensor;
  return options.device ? t.to(*options.device) : t;
}

Tensor from_data(DType dtype, const void* data, const keen::Shape& shape, const TensorOptions& options) {
  return copied("from_data", dtype, data, shape, options);
}

Tensor from_buffer(DType dtype, const void* data, const keen::Shape& shape, std::function<void()> deleter) {
  check_size("from_buffer", shape);
  std::int64_t n = shape.num_elements();
  if (!data && n > 0) fail<UsageError>("from_buffer", "null data for shape ", shape, ", which has elements");
  Tensor root = make_tensor(dtype, detail::Shape{0}, Device());
  TensorImpl& t = *root.impl();
  t.shape = shape;
  t.strides = contiguous_strides(shape);
  t.size = n;
  t.flags = TensorImpl::contiguous | TensorImpl::external;
  t.data = const_cast<void*>(data);
  if (deleter) {
    t.extra = new TensorExtra;
    t.extra->deleter = std::move(deleter);
  }
  return root;
}

}  // namespace keen
