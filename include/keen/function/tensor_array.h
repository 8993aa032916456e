// TensorArray: a list of tensors of one form, written and read by index, in loops of every kind.
#pragma once
#include <memory>
#include <optional>

#include "keen/tensor.h"

namespace keen {

struct TensorArrayOptions {
  std::optional<Shape> element_shape = {};  ///< absent: that of the first element
};

/// A value, as tensors are: `write` gives the array with that element, and leaves this one as it was. Inside a compiled
/// function the index may be a tensor of the trace, and the size unknown; gradients flow through all of it. An array
/// belongs to one thread.
class TensorArray {
 public:
  /// `size` elements, not written yet. A negative size is a UsageError (outside of traces, where sizes may be unknown).
  TensorArray(DType dtype, detail::Dim size, TensorArrayOptions options = {}, Where where = Where::current());
  /// The slices of the first axis.
  static TensorArray unstack(const Tensor& values, Where where = Where::current());

  /// The array with `value` at `index`, which counts from 0. Out of range is an IndexError; another dtype or shape than
  /// the elements have a DTypeError or ShapeError.
  TensorArray write(std::int64_t index, const Tensor& value, Where where = Where::current()) const;
  TensorArray write(Size index, const Tensor& value, Where where = Where::current()) const {
    return index.is_known() ? write(index.symbol(), value, where) : write(Tensor(index), value, where);
  }
  TensorArray write(const Tensor& index, const Tensor& value, Where where = Where::current()) const;
  /// The element at `index`, under the same rules. One that was not written is a UsageError, or zeros where the index is of a trace.
  Tensor read(std::int64_t index, Where where = Where::current()) const;
  Tensor read(Size index, Where where = Where::current()) const {
    return index.is_known() ? read(index.symbol(), where) : read(Tensor(index), where);
  }
  Tensor read(const Tensor& index, Where where = Where::current()) const;
  /// All elements along a new first axis; those that were not written are zeros.
  Tensor stack(Where where = Where::current()) const;
  std::int64_t size() const noexcept { return size_; }
  DType dtype() const noexcept { return dtype_; }

  /// How a function, branch or loop sees the array: as the tensor of its elements.
  template <class Visitor>
  void visit_parts(Visitor& visit) {
    visit(as_buffer());
  }
  template <class Visitor>
  void visit_parts(Visitor& visit) const {
    visit(static_cast<const Tensor&>(as_buffer()));
  }

 private:
  struct Elements;
  void check_value(const Tensor& value) const;
  void check_index(std::int64_t index) const;
  Tensor row(const Tensor& index) const;
  std::optional<Shape> element_shape() const;
  Tensor joined() const;
  Tensor all() const;
  Tensor& as_buffer() const;
  bool holds_elements() const;

  DType dtype_;
  std::int64_t size_;
  std::optional<Shape> shape_;
  // Either a list, shared with the arrays that writes gave, or one tensor (size, …).
  mutable std::shared_ptr<Elements> elements_;
  mutable Tensor buffer_;
  mutable std::size_t version_ = 0;  // writes up to this one are this array's
};

}  // namespace keen
