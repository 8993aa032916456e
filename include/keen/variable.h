// Variable: the only state that changes. A shared handle to a named tensor that can be assigned.
#pragma once
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "keen/operand.h"
#include "keen/tensor.h"

namespace keen {

namespace detail {
struct VariableState;
}

/// Options of a variable's construction.
struct VariableOptions {
  std::string name = {};
  bool trainable = true;
};

/// A shared handle to mutable state: copying it shares the state, which lives as long as some handle, tape or compiled
/// function holds it. Reading gives a Tensor that later assignments do not change. Assignments keep shape and dtype.
class Variable {
 public:
  /// An empty handle.
  Variable() noexcept = default;
  explicit Variable(const Tensor& initial, VariableOptions options = {});
  template <Number T>
  explicit Variable(T initial, VariableOptions options = {}) : Variable(Tensor(initial), std::move(options)) {}

  bool defined() const noexcept { return state_ != nullptr; }
  const std::string& name() const;
  void set_name(std::string name);
  bool trainable() const;
  void set_trainable(bool trainable);
  const Shape& shape() const;
  DType dtype() const;
  Device device() const;
  int rank() const { return shape().rank(); }
  std::int64_t dim(int axis) const;
  std::int64_t size() const;

  /// The current value. Watched by the active tapes when the variable is trainable.
  Tensor value() const;
  operator Tensor() const { return value(); }
  template <Number T>
  T item() const {
    return value().item<T>();
  }
  template <class T>
  std::vector<T> to_vector() const {
    return value().to_vector<T>();
  }

  // The most used operations of a Tensor, on the current value.
  Tensor operator[](std::int64_t index) const { return value()[index]; }
  Tensor operator[](Size index) const { return value()[index]; }
  Tensor operator[](const Tensor& indices) const { return value()[indices]; }
  template <class... I>
  Tensor operator()(const I&... indices) const {
    return value()(indices...);
  }
  Tensor reshape(const Shape& to) const { return value().reshape(to); }
  Tensor flatten() const { return value().flatten(); }
  Tensor transpose() const { return value().transpose(); }
  Tensor transpose(const Shape& permutation) const { return value().transpose(permutation); }
  Tensor squeeze(const Axes& axes = {}) const { return value().squeeze(axes); }
  Tensor expand_dims(int axis) const { return value().expand_dims(axis); }
  Tensor cast(DType to) const { return value().cast(to); }
  Tensor sum(const Axes& axes = {}, bool keepdims = false) const { return value().sum(axes, keepdims); }
  Tensor mean(const Axes& axes = {}, bool keepdims = false) const { return value().mean(axes, keepdims); }
  Tensor max(const Axes& axes = {}, bool keepdims = false) const { return value().max(axes, keepdims); }
  Tensor min(const Axes& axes = {}, bool keepdims = false) const { return value().min(axes, keepdims); }
  Tensor any(const Axes& axes = {}, bool keepdims = false) const { return value().any(axes, keepdims); }
  Tensor all(const Axes& axes = {}, bool keepdims = false) const { return value().all(axes, keepdims); }
  Tensor argmax() const { return value().argmax(); }
  Tensor argmax(int axis, bool keepdims = false) const { return value().argmax(axis, keepdims); }
  Tensor argmin() const { return value().argmin(); }
  Tensor argmin(int axis, bool keepdims = false) const { return value().argmin(axis, keepdims); }
  Tensor cpu() const { return value().cpu(); }
  Tensor gpu(int index = 0) const { return value().gpu(index); }
  std::string to_string() const { return value().to_string(); }
  /// Iterates over the first dimension of the value it has now: `for (Tensor row : variable)`.
  class Iterator;
  Iterator begin() const;
  Iterator end() const;

  /// Replace, add to, subtract from the value. The shape must be the variable's (assign_add and assign_sub broadcast);
  /// everything is checked before the first write; a number or a dtype that the variable's cannot hold is a DTypeError.
  /// The buffer is written in place while nothing else holds it.
  const Variable& assign(Operand value) const;
  const Variable& assign_add(Operand delta) const;
  const Variable& assign_sub(Operand delta) const;
  /// `v += x` is `v.assign_add(x)`: unlike a tensor's, it changes the value for every holder of the variable.
  const Variable& operator+=(Operand delta) const { return assign_add(std::move(delta)); }
  const Variable& operator-=(Operand delta) const { return assign_sub(std::move(delta)); }
  /// Rows of the first dimension: `indices` (n,) integers in range, `updates` (n, ...). Later duplicates win in
  /// scatter_update; they add up in scatter_add and scatter_sub.
  const Variable& scatter_update(const Tensor& indices, const Tensor& updates) const;
  const Variable& scatter_add(const Tensor& indices, const Tensor& updates) const;
  const Variable& scatter_sub(const Tensor& indices, const Tensor& updates) const;

  /// Same state?
  bool is(const Variable& other) const noexcept { return state_ == other.state_; }
  const std::shared_ptr<detail::VariableState>& state() const noexcept { return state_; }
  static Variable from_state(std::shared_ptr<detail::VariableState> state) {
    Variable v;
    v.state_ = std::move(state);
    return v;
  }

 private:
  std::shared_ptr<detail::VariableState> state_;
};

class Variable::Iterator {
 public:
  using value_type = Tensor;
  using difference_type = std::int64_t;
  Iterator(Tensor value, std::int64_t at) : value_(std::move(value)), at_(at) {}
  Tensor operator*() const { return value_[at_]; }
  Iterator& operator++() {
    ++at_;
    return *this;
  }
  bool operator==(const Iterator& other) const noexcept { return at_ == other.at_; }

 private:
  Tensor value_;  // undefined in the end's
  std::int64_t at_;
};

/// `Variable 'name' shape=(2,) dtype=float32 device=cpu:0`, a line break and the values.
std::ostream& operator<<(std::ostream& out, const Variable& variable);

}  // namespace keen
