// Tensor: an immutable n-dimensional array on a device, passed around as one pointer.
#pragma once
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "keen/device.h"
#include "keen/dtype.h"
#include "keen/error.h"
#include "keen/shape.h"

namespace keen {

class Tensor;
class TensorOperand;

/// The line that a call is written in. Functions take it as their last parameter, which the compiler fills in: errors of a
/// function that is being traced name it.
using Where = std::source_location;

namespace detail {
struct TensorImpl;
/// First member of every TensorImpl, so that copying a Tensor needs no call.
struct RefCount {
  std::atomic<std::uint32_t> refs{1};
};
void destroy(TensorImpl* impl) noexcept;
inline void retain(TensorImpl* impl) noexcept {
  if (impl) reinterpret_cast<RefCount*>(impl)->refs.fetch_add(1, std::memory_order_relaxed);
}
inline void release(TensorImpl* impl) noexcept {
  // A sole owner needs no locked instruction: nobody else can be counting.
  if (!impl) return;
  auto& refs = reinterpret_cast<RefCount*>(impl)->refs;
  if (refs.load(std::memory_order_acquire) == 1 || refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(impl);
}
Tensor scalar_tensor(DType dtype, const void* value);
[[noreturn]] void throw_item_dtype(const Tensor& tensor, DType wanted);

/// The i of `x[i]`, with the line it stands in.
struct RowIndex {
  RowIndex(std::int64_t index, Where where = Where::current()) noexcept : index(index), where(where) {}
  RowIndex(Size index, Where where = Where::current()) noexcept : RowIndex(index.symbol(), where) {}
  std::int64_t index;
  Where where;
};
struct RowIndices;
struct FirstIndex;
}  // namespace detail

/// An n-dimensional array: a reference to immutable elements with a shape, a dtype and a device.
/// Copies share; operations make new tensors; slices and transposes are views that share storage.
class Tensor {
 public:
  /// An undefined tensor: what `gradient` gives for an unconnected source.
  Tensor() noexcept = default;
  /// A 0-d tensor from a number: bool, int → int32, long → int64, any floating type → float32.
  template <Number T>
  Tensor(T value) {
    using U = std::conditional_t<std::is_floating_point_v<T>, float, T>;
    U typed = static_cast<U>(value);
    *this = detail::scalar_tensor(dtype_of<U>, &typed);
  }
  /// The size of an axis as a 0-d int64 tensor; also of one that is open in this trace, whose number each call then has.
  Tensor(Size size);

  Tensor(const Tensor& other) noexcept : impl_(other.impl_) { detail::retain(impl_); }
  Tensor(Tensor&& other) noexcept : impl_(other.impl_) { other.impl_ = nullptr; }
  // &-qualified: `x[0] = y` would change nothing, so it does not compile. `set` gives a changed tensor.
  Tensor& operator=(const Tensor& other) & noexcept {
    detail::retain(other.impl_);
    detail::release(impl_);
    impl_ = other.impl_;
    return *this;
  }
  Tensor& operator=(Tensor&& other) & noexcept {
    Tensor taken(std::move(other));  // first, so that moving a tensor onto itself keeps it
    std::swap(impl_, taken.impl_);
    return *this;
  }
  ~Tensor() { detail::release(impl_); }

  // --- what it is
  bool defined() const noexcept { return impl_ != nullptr; }
  DType dtype() const;
  const Shape& shape() const;
  Strides strides() const;
  int rank() const { return shape().rank(); }
  /// The size of one axis; negative axes count from the end. Throws IndexError. One that is open in a trace may be handed
  /// on and computed with, as in reshape(x, {2 * x.dim(0), -1}), but not compared.
  Size dim(int axis, Where where = Where::current()) const;
  /// The number of elements.
  std::int64_t size() const;
  std::size_t nbytes() const { return static_cast<std::size_t>(size()) * size_of(dtype()); }
  Device device() const;
  bool is_contiguous() const;
  /// True for the gradient of a gather: rows `values()` at `indices()` of a tensor of this shape (IndexedSlices).
  bool is_sparse() const noexcept;
  Tensor values() const;   ///< of a sparse tensor: (n, ...)
  Tensor indices() const;  ///< of a sparse tensor: int64 (n,)
  /// True inside a trace for a value that has no elements yet.
  bool is_symbolic() const noexcept;

  // --- its elements, on the host (copied from the device where needed)
  /// The value of a one-element tensor, converted to T.
  template <Number T>
  T item(Where where = Where::current()) const {
    T out;
    item_as(dtype_of<T>, &out, where);
    return out;
  }
  /// All elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector(Where where = Where::current()) const {
    if constexpr (std::is_same_v<T, bool>) {
      auto bytes = to_vector<std::uint8_t>(where);
      return std::vector<bool>(bytes.begin(), bytes.end());
    } else {
      std::vector<T> out(host_size(where));
      copy_to(dtype_of<T>, out.data());
      return out;
    }
  }
  /// The elements themselves, without a copy. Throws unless T is the dtype, the device cpu and the layout contiguous.
  template <class T>
  std::span<const T> span() const {
    return {static_cast<const T*>(raw(dtype_of<T>)), static_cast<std::size_t>(size())};
  }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(raw(dtype_of<T>));
  }
  /// The truth of a one-element tensor; anything else is a ShapeError.
  explicit operator bool() const;

  // --- devices
  Tensor cpu(Where where = Where::current()) const { return to(Device(DeviceType::cpu), where); }
  Tensor gpu(int index = 0, Where where = Where::current()) const { return to(Device(DeviceType::gpu, index), where); }
  Tensor to(Device device, Where where = Where::current()) const;

  // --- the most used operations, as methods
  Tensor operator[](detail::RowIndex index) const;      ///< along the first dimension
  Tensor operator[](detail::RowIndices indices) const;  ///< gather along the first dimension
  template <class... I>
  Tensor operator()(detail::FirstIndex first, const I&... rest) const;  ///< see keen/ops/indexing.h
  Tensor reshape(const Shape& shape, Where where = Where::current()) const;
  Tensor flatten(Where where = Where::current()) const;
  Tensor transpose(Where where = Where::current()) const;
  Tensor transpose(const Shape& permutation, Where where = Where::current()) const;
  Tensor squeeze(const Axes& axes = {}, Where where = Where::current()) const;
  Tensor expand_dims(int axis, Where where = Where::current()) const;
  Tensor cast(DType dtype, Where where = Where::current()) const;
  Tensor contiguous(Where where = Where::current()) const;
  Tensor sum(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const;
  Tensor mean(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const;
  Tensor max(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const;
  Tensor min(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const;
  Tensor any(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const;
  Tensor all(const Axes& axes = {}, bool keepdims = false, Where where = Where::current()) const;
  Tensor argmax(Where where = Where::current()) const;
  Tensor argmax(int axis, bool keepdims = false, Where where = Where::current()) const;
  Tensor argmin(Where where = Where::current()) const;
  Tensor argmin(int axis, bool keepdims = false, Where where = Where::current()) const;

  /// Iterates over the first dimension; where its size is open in a trace, a UsageError.
  class Iterator;
  Iterator begin() const;
  Iterator end() const;

  /// The value as NumPy prints it, without shape or device.
  std::string to_string() const;

  detail::TensorImpl* impl() const noexcept { return impl_; }
  /// Takes over a reference (adopts, does not count).
  static Tensor adopt(detail::TensorImpl* impl) noexcept {
    Tensor t;
    t.impl_ = impl;
    return t;
  }
  detail::TensorImpl* release_impl() noexcept {
    auto* p = impl_;
    impl_ = nullptr;
    return p;
  }

 private:
  void item_as(DType dtype, void* out, Where where) const;
  std::size_t host_size(Where where) const;
  void copy_to(DType dtype, void* out) const;
  const void* raw(DType dtype) const;

  detail::TensorImpl* impl_ = nullptr;
};

class Tensor::Iterator {
 public:
  using value_type = Tensor;
  using difference_type = std::int64_t;
  Iterator(const Tensor* tensor, std::int64_t at) : tensor_(tensor), at_(at) {}
  Tensor operator*() const { return (*tensor_)[detail::RowIndex(at_, Where())]; }
  Iterator& operator++() {
    ++at_;
    return *this;
  }
  Iterator operator++(int) {
    auto old = *this;
    ++at_;
    return old;
  }
  bool operator==(const Iterator& other) const = default;

 private:
  const Tensor* tensor_;
  std::int64_t at_;
};

/// `x.to_vector<T>()`, of whatever is a tensor.
template <class T>
std::vector<T> to_vector(const Tensor& x, Where where = Where::current()) {
  return x.to_vector<T>(where);
}

/// `Tensor(value, shape=(2, 3), dtype=float32, device=cpu:0)`, the value as NumPy prints it, summarised when large.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace keen
