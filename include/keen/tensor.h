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
class Index;

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
  const Shape& strides() const;  ///< in elements
  int rank() const { return shape().rank(); }
  /// The size of one axis; negative axes count from the end. Throws IndexError. One that is open in a trace may be handed
  /// on, as in reshape(x, {x.dim(0), -1}), but not compared or computed with.
  Size dim(int axis, std::source_location where = std::source_location::current()) const;
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
  T item() const {
    T out;
    item_as(dtype_of<T>, &out);
    return out;
  }
  /// All elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector() const {
    if constexpr (std::is_same_v<T, bool>) {
      auto bytes = to_vector<std::uint8_t>();
      return std::vector<bool>(bytes.begin(), bytes.end());
    } else {
      std::vector<T> out(host_size());
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
  Tensor cpu() const { return to(Device(DeviceType::cpu)); }
  Tensor gpu(int index = 0) const { return to(Device(DeviceType::gpu, index)); }
  Tensor to(Device device) const;

  // --- the most used operations, as methods
  Tensor operator[](std::int64_t index) const;  ///< along the first dimension
  Tensor operator[](Size index) const { return (*this)[static_cast<std::int64_t>(index)]; }
  Tensor operator[](const Tensor& indices) const;  ///< gather along the first dimension
  template <class... I>
  Tensor operator()(const I&... indices) const;  ///< see keen/ops/indexing.h
  Tensor reshape(const Shape& shape) const;
  Tensor flatten() const;
  Tensor transpose() const;
  Tensor transpose(const Shape& permutation) const;
  Tensor squeeze(const Axes& axes = {}) const;
  Tensor expand_dims(int axis) const;
  Tensor cast(DType dtype) const;
  Tensor contiguous() const;
  Tensor sum(const Axes& axes = {}, bool keepdims = false) const;
  Tensor mean(const Axes& axes = {}, bool keepdims = false) const;
  Tensor max(const Axes& axes = {}, bool keepdims = false) const;
  Tensor min(const Axes& axes = {}, bool keepdims = false) const;
  Tensor any(const Axes& axes = {}, bool keepdims = false) const;
  Tensor all(const Axes& axes = {}, bool keepdims = false) const;
  Tensor argmax() const;
  Tensor argmax(int axis, bool keepdims = false) const;
  Tensor argmin() const;
  Tensor argmin(int axis, bool keepdims = false) const;

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
  void item_as(DType dtype, void* out) const;
  std::size_t host_size() const;
  void copy_to(DType dtype, void* out) const;
  const void* raw(DType dtype) const;

  detail::TensorImpl* impl_ = nullptr;
};

class Tensor::Iterator {
 public:
  using value_type = Tensor;
  using difference_type = std::int64_t;
  Iterator(const Tensor* tensor, std::int64_t at) : tensor_(tensor), at_(at) {}
  Tensor operator*() const { return (*tensor_)[at_]; }
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
std::vector<T> to_vector(const Tensor& x) {
  return x.to_vector<T>();
}

/// `Tensor(value, shape=(2, 3), dtype=float32, device=cpu:0)`, the value as NumPy prints it, summarised when large.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace keen
