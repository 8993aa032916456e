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
  T item(Where where = Where::current()) const {
    return value().item<T>(where);
  }
  template <class T>
  std::vector<T> to_vector() const {
    return value().to_vector<T>();
  }

  // The most used operations of a Tensor, on the current value.
  Tensor operator[](detail::RowIndex index) const { return value()[index]; }
  Tensor operator[](detail::RowIndices indices) const { return value()[std::move(indices)]; }
  template <class... I>
  Tensor operator()(detail::FirstIndex first, const I&... rest) const;  ///< see keen/ops/indexing.h
  Tensor reshape(const Shape& to, Where where = Where::current()) const { return value().reshape(to, where); }
  Tensor flatten(Where where = Where::current()) const { return value().flatten(where); }
  Tensor transpose(Where where = Where::current()) const { return value().transpose(where); }
  Tensor transpose(const Shape& permutation, Where where = Where::current()) const {
    return value().transpose(permutation, where);
  }
  Tensor squeeze(const Axes& axes = {}, Where where = Where::current()) const { return value().squeeze(axes, where); }
  Tensor expand_dims(int axis, Where where = Where::current()) const { return value().expand_dims(axis, where); }
  Tensor cast(DType to, Where where = Where::current()) const { return value().cast(to, where); }
  Tensor sum(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const {
    return value().sum(axes, keepdims, where);
  }
  Tensor mean(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const {
    return value().mean(axes, keepdims, where);
  }
  Tensor max(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const {
    return value().max(axes, keepdims, where);
  }
  Tensor min(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const {
    return value().min(axes, keepdims, where);
  }
  Tensor any(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const {
    return value().any(axes, keepdims, where);
  }
  Tensor all(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const {
    return value().all(axes, keepdims, where);
  }
  Tensor argmax(Where where = Where::current()) const { return value().argmax(where); }
  Tensor argmax(int axis, bool keepdims = false, Where where = Where::current()) const {
    return value().argmax(axis, keepdims, where);
  }
  Tensor argmin(Where where = Where::current()) const { return value().argmin(where); }
  Tensor argmin(int axis, bool keepdims = false, Where where = Where::current()) const {
    return value().argmin(axis, keepdims, where);
  }
  Tensor cpu(Where where = Where::current()) const { return value().cpu(where); }
  Tensor gpu(int index = 0, Where where = Where::current()) const { return value().gpu(index, where); }
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
  const Variable& scatter_update(const Tensor& indices, const Tensor& updates, Where where = Where::current()) const;
  const Variable& scatter_add(const Tensor& indices, const Tensor& updates, Where where = Where::current()) const;
  const Variable& scatter_sub(const Tensor& indices, const Tensor& updates, Where where = Where::current()) const;

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
