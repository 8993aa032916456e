// Operand: what a binary operation accepts - a tensor, a variable or a C++ number.
#pragma once
#include <source_location>

#include "keen/tensor.h"

namespace keen {

class Range;
class Variable;

/// A parameter type, made from a tensor (borrowed), a temporary tensor (whose buffer the result may take over), a
/// variable (read) or a number. Numbers are weak: they take the dtype of the tensor they meet, so that
/// float64 tensor * 2.f stays float64 and int32 tensor * 2.0 becomes float32.
/// An operand knows the line it was written in, for errors while a function is traced.
class Operand {
 public:
  /// A `weak_size` is a size that is open in this trace: a weak_int that each call tells.
  enum class Kind : std::uint8_t { borrowed, owned, weak_bool, weak_int, weak_float, weak_size };

  Operand(const Tensor& t, Where where = Where::current()) noexcept
      : impl_(t.impl()), kind_(Kind::borrowed), where_(where) {}
  Operand(Tensor&& t, Where where = Where::current()) noexcept
      : impl_(t.release_impl()), kind_(Kind::owned), where_(where) {}
  Operand(const Variable& v, Where where = Where::current());
  Operand(const Range& range, Where where = Where::current());
  template <Number T>
  Operand(T v, Where where = Where::current()) noexcept
      : kind_(
            std::is_same_v<T, bool> ? Kind::weak_bool
            : std::is_integral_v<T> ? Kind::weak_int
                                    : Kind::weak_float),
        native_(std::is_floating_point_v<T> ? DType::float32 : dtype_of<T>),
        where_(where) {
    if constexpr (std::is_floating_point_v<T>) number_.real = static_cast<double>(v);
    else number_.integer = static_cast<std::int64_t>(v);
  }
  Operand(Size size, Where where = Where::current()) noexcept : Operand(size.symbol(), where) {
    if (!size.is_known()) kind_ = Kind::weak_size;
  }
  Operand(Operand&& other) noexcept
      : impl_(other.impl_), kind_(other.kind_), native_(other.native_), number_(other.number_), where_(other.where_) {
    other.impl_ = nullptr;
    other.kind_ = Kind::borrowed;
  }
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;
  ~Operand() {
    if (kind_ == Kind::owned) detail::release(impl_);
  }

  bool is_weak() const noexcept { return kind_ >= Kind::weak_bool; }
  Kind kind() const noexcept { return kind_; }
  /// The dtype a weak number has when it meets nothing but weak numbers.
  DType native_dtype() const noexcept { return native_; }
  double real() const noexcept {
    if (kind_ == Kind::weak_float) return number_.real;
    return native_ == DType::uint64 ? static_cast<double>(static_cast<std::uint64_t>(number_.integer))
                                    : static_cast<double>(number_.integer);
  }
  /// An integer; one of uint64 as its bits; a symbol of a weak_size.
  std::int64_t integer() const noexcept { return number_.integer; }
  /// The tensor; null for an undefined one, and for a weak number until dispatch has made it one.
  detail::TensorImpl* impl() const noexcept { return impl_; }
  /// Makes this operand own `t` instead of what it held.
  void replace(Tensor&& t) noexcept {
    if (kind_ == Kind::owned) detail::release(impl_);
    impl_ = t.release_impl();
    kind_ = Kind::owned;
  }
  /// Refers to `t`, which it does not keep alive; null for nothing.
  void borrow(detail::TensorImpl* t) noexcept {
    if (kind_ == Kind::owned) detail::release(impl_);
    impl_ = t;
    kind_ = Kind::borrowed;
  }
  /// Where it was made.
  const Where& where() const noexcept { return where_; }
  /// A counted reference to the tensor.
  Tensor tensor() const noexcept {
    detail::retain(impl_);
    return Tensor::adopt(impl_);
  }
  /// Gives an owned tensor's reference away, to which this operand then refers.
  detail::TensorImpl* hand_over() noexcept {
    kind_ = Kind::borrowed;
    return impl_;
  }

 private:
  detail::TensorImpl* impl_ = nullptr;
  Kind kind_;
  DType native_ = DType::float32;
  union {
    double real;
    std::int64_t integer;
  } number_ = {0};
  Where where_;
};

/// A parameter type of functions of one tensor, for what is or becomes one. They can be passed on by their name: `exp` is a
/// `Tensor (*)(TensorOperand)`, and a std::function<Tensor(const Tensor&)> takes it.
class TensorOperand : public Operand {
 public:
  TensorOperand(const Tensor& t, Where where = Where::current()) noexcept : Operand(t, where) {}
  TensorOperand(Tensor&& t, Where where = Where::current()) noexcept : Operand(std::move(t), where) {}
  template <std::convertible_to<Tensor> T>
  TensorOperand(const T& t, Where where = Where::current()) : Operand(Tensor(t), where) {}
};

namespace detail {
/// The indices of `x[indices]`: no number, which is the index of one row.
struct RowIndices : TensorOperand {
  template <std::convertible_to<Tensor> T>
  requires(std::is_class_v<T> && !std::is_same_v<T, Size>) RowIndices(const T& t, Where where = Where::current())
      : TensorOperand(t, where) {}
};
}  // namespace detail

}  // namespace keen
