// Making tensors: from literals, containers and buffers, or filled by a rule.
#pragma once
#include <array>
#include <concepts>
#include <functional>
#include <optional>

#include "keen/operand.h"
#include "keen/tensor.h"

namespace keen {

/// Options that every creator takes. Absent: the natural dtype, the current device.
struct TensorOptions {
  std::optional<DType> dtype = {};
  std::optional<Device> device = {};
  std::string name = {};
};

/// A number or a nested braced list of numbers, as `constant` takes it. Lives for the full expression only.
class Literal {
 public:
  template <Number T>
  Literal(T v) noexcept : dtype_(std::is_floating_point_v<T> ? DType::float32 : dtype_of<T>) {
    if constexpr (std::is_floating_point_v<T>) real_ = static_cast<double>(v);
    else integer_ = static_cast<std::int64_t>(v);
  }
  Literal(Size size) : Literal(static_cast<std::int64_t>(size)) {}
  Literal(std::initializer_list<Literal> list) noexcept : size_(list.size()), is_list_(true) {
    list_ = list.begin();  // the list's own array lives as long as the expression, and so as the literal
  }

  bool is_list() const noexcept { return is_list_; }
  const Literal* begin() const noexcept { return list_; }
  const Literal* end() const noexcept { return list_ + size_; }
  std::size_t size() const noexcept { return size_; }
  DType dtype() const noexcept { return dtype_; }
  double real() const noexcept { return dtype_ == DType::float32 ? real_ : static_cast<double>(integer_); }
  std::int64_t integer() const noexcept {
    return dtype_ == DType::float32 ? static_cast<std::int64_t>(real_) : integer_;
  }

 private:
  const Literal* list_ = nullptr;
  std::size_t size_ = 0;
  union {
    double real_;
    std::int64_t integer_ = 0;
  };
  DType dtype_ = DType::int32;
  bool is_list_ = false;
};

// Numbers and dtypes: an integer dtype holds whole numbers within its range, and a number that it cannot hold (1.5, NaN
// or 300 as uint8) is a DTypeError wherever a number meets a dtype: in creators, assignments, `pad`, `set` and arithmetic.
// A floating dtype rounds; bool asks ≠ 0; a real dtype takes complex numbers without an imaginary part. Only `cast`
// truncates. The elements of a tensor that a creator converts are under the same rule; those of a trace, which nobody
// knows yet, pass where the dtype always holds them (int32 as int64 or float32) and are refused elsewhere.

/// A tensor from a number or nested lists: `constant({{1, 2}, {3, 4}})`. Floating literals make float32, int makes
/// int32. Lists of unequal lengths are a ShapeError; a value that the asked dtype cannot hold is a DTypeError.
Tensor constant(const Literal& literal, const TensorOptions& options = {}, Where where = Where::current());
/// A tensor with elements copied from memory of the host, converted as options say.
Tensor from_data(DType dtype, const void* data, const Shape& shape, const TensorOptions& options = {});

namespace detail {
template <class C>
concept Container = requires(const C& c) {
  std::data(c);
  std::size(c);
}
&&!std::is_convertible_v<const C&, std::string_view>;
template <class C>
using ElementOf = std::remove_cvref_t<decltype(*std::data(std::declval<const C&>()))>;
template <class C>
concept NestedContainer = Container<C> &&(Container<ElementOf<C>> || std::same_as<ElementOf<C>, std::vector<bool>>);

Tensor constant_of_elements(
    DType dtype, const void* data, std::size_t count, const Shape& shape, const TensorOptions& options);
Tensor constant_of_tensor(const Tensor& tensor, const TensorOptions& options, Where where);
Tensor constant_of_bools(const std::vector<bool>& values, const Shape& shape, const TensorOptions& options);
Tensor constant_of_rows(const std::vector<Tensor>& rows, const TensorOptions& options);
}  // namespace detail

/// The 1-d tensor of a contiguous container of numbers, with its element type; copies.
template <detail::Container C>
requires(!detail::NestedContainer<C>) Tensor constant(const C& values, const TensorOptions& options = {}) {
  return detail::constant_of_elements(
      dtype_of<detail::ElementOf<C>>, std::data(values), std::size(values), {std::size(values)}, options);
}
template <std::same_as<std::vector<bool>> V>
Tensor constant(const V& values, const TensorOptions& options = {}) {
  return detail::constant_of_bools(values, {values.size()}, options);
}
/// The same with a shape; sizes must agree.
template <detail::Container C>
requires(!detail::NestedContainer<C>) Tensor
    constant(const C& values, const Shape& shape, const TensorOptions& options = {}) {
  return detail::constant_of_elements(
      dtype_of<detail::ElementOf<C>>, std::data(values), std::size(values), shape, options);
}
template <std::same_as<std::vector<bool>> V>
Tensor constant(const V& values, const Shape& shape, const TensorOptions& options = {}) {
  return detail::constant_of_bools(values, shape, options);
}
/// Containers of containers, such as std::vector<std::vector<float>>, have an axis each. At least one row; rows of
/// unequal lengths are a ShapeError.
template <detail::NestedContainer C>
Tensor constant(const C& rows, const TensorOptions& options = {}) {
  std::vector<Tensor> parts;
  for (const auto& row : rows) parts.push_back(constant(row));
  return detail::constant_of_rows(parts, options);
}
/// The tensor itself, converted (under the rule above) and moved as options say.
template <std::same_as<Tensor> T>
Tensor constant(const T& tensor, const TensorOptions& options = {}, Where where = Where::current()) {
  return detail::constant_of_tensor(tensor, options, where);
}
/// A tensor over memory of the caller's, without a copy; never written by Keen. `deleter` runs when the last tensor
/// that shares it is gone; what it throws is logged. Null data with elements is a UsageError.
Tensor from_buffer(DType dtype, const void* data, const Shape& shape, std::function<void()> deleter = {});
template <class T>
Tensor from_buffer(const T* data, const Shape& shape, std::function<void()> deleter = {}) {
  return from_buffer(dtype_of<T>, static_cast<const void*>(data), shape, std::move(deleter));
}

/// Filled with one value, a number or a 0-d tensor; dtype of the value unless options say (float32 for zeros and ones).
Tensor full(
    const Shape& shape, const Operand& value, const TensorOptions& options = {}, Where where = Where::current());
Tensor zeros(const Shape& shape, const TensorOptions& options = {}, Where where = Where::current());
Tensor ones(const Shape& shape, const TensorOptions& options = {}, Where where = Where::current());
/// One size is a shape of one dimension: `zeros(3)` is `zeros({3})`. (Templates, so that braces are always a shape.)
template <detail::AxisSize T>
Tensor full(T size, const Operand& value, const TensorOptions& options = {}, Where where = Where::current()) {
  return full(Shape{size}, value, options, where);
}
template <detail::AxisSize T>
Tensor zeros(T size, const TensorOptions& options = {}, Where where = Where::current()) {
  return zeros(Shape{size}, options, where);
}
template <detail::AxisSize T>
Tensor ones(T size, const TensorOptions& options = {}, Where where = Where::current()) {
  return ones(Shape{size}, options, where);
}
Tensor full_like(
    const Tensor& like, const Operand& value, const TensorOptions& options = {}, Where where = Where::current());
Tensor zeros_like(const Tensor& like, const TensorOptions& options = {}, Where where = Where::current());
Tensor ones_like(const Tensor& like, const TensorOptions& options = {}, Where where = Where::current());
/// The (rows, columns) identity with ones on diagonal k; float32.
Tensor eye(
    detail::Dim rows, std::optional<detail::Dim> columns = {}, int k = 0, const TensorOptions& options = {},
    Where where = Where::current());
/// `eye(3, {.dtype = int32})`. (A template, so that `{}` is no columns.)
template <std::same_as<TensorOptions> T = TensorOptions>
Tensor eye(detail::Dim rows, const T& options, Where where = Where::current()) {
  return eye(rows, {}, 0, options, where);
}
/// `count` evenly spaced numbers from start to stop inclusive; float32. A negative count is a ShapeError.
Tensor linspace(
    double start, double stop, detail::Dim count, const TensorOptions& options = {}, Where where = Where::current());

/// start, start + step, ... below stop, as a tensor and as the range of a `for`: iterating gives C++ integers.
/// int32 or int64 from integers, float32 from floating arguments. A zero step is a UsageError. In a trace, start and stop
/// may be open sizes; such a range is a tensor, and to iterate over it needs `carry` (keen/function/carry.h).
class Range {
 public:
  Range(Operand start, Operand stop, Operand step, const TensorOptions& options);
  operator Tensor() const { return tensor(); }
  Tensor tensor() const;

  // The most used operations, on the tensor.
  DType dtype() const noexcept { return dtype_; }
  Shape shape() const { return {count_}; }
  Tensor reshape(const Shape& to) const { return tensor().reshape(to); }
  Tensor expand_dims(int axis) const { return tensor().expand_dims(axis); }
  Tensor cast(DType to) const { return tensor().cast(to); }
  template <class T>
  std::vector<T> to_vector() const {
    return tensor().to_vector<T>();
  }

  /// The elements as integers; a floating range is a UsageError, a symbolic one too.
  class Iterator {
   public:
    using value_type = std::int64_t;
    using difference_type = std::int64_t;
    std::int64_t operator*() const { return at; }
    Iterator& operator++() {
      if (--left > 0) at += step;  // a step past the end might overflow
      return *this;
    }
    bool operator==(const Iterator& other) const { return left == other.left; }
    std::int64_t at, step, left;
  };
  Iterator begin() const;
  Iterator end() const;
  Size size() const { return Size(count_); }

 private:
  Tensor open_tensor() const;

  double start_, step_;
  std::int64_t istart_ = 0, istep_ = 1, count_ = 0;
  bool floating_ = false;
  DType dtype_;
  Device device_;
};
Range range(Operand stop, const TensorOptions& options = {});
Range range(Operand start, Operand stop, Operand step = 1, const TensorOptions& options = {});
Range range(Operand start, Operand stop, const TensorOptions& options);
std::ostream& operator<<(std::ostream& out, const Range& range);

}  // namespace keen
