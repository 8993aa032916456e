// What kernels need to walk tensors of any layout: scratch memory, places of elements, strided copies.
#pragma once
#include "core/allocator.h"
#include "core/op.h"

namespace keen::detail::cpu {

/// A block of the caching allocator, given back at the end of the scope.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : bytes_(bytes ? bytes : 1), data_(static_cast<char*>(allocate(bytes_))) {}
  ~Scratch() { deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* data() const noexcept { return data_; }
  template <class T>
  T* as() const noexcept {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::size_t bytes_;
  char* data_;
};

/// The offset of the index-th element, in row-major order of `sizes`, of a layout with these strides.
inline std::int64_t offset_of(std::int64_t index, const Shape& sizes, const Shape& strides) noexcept {
  std::int64_t offset = 0;
  for (int i = sizes.rank() - 1; i >= 0 && index > 0; --i) {
    offset += index % sizes[i] * strides[i];
    index /= sizes[i];
  }
  return offset;
}

/// How many pieces of work of `cost` elements each make up a chunk of about `elements`.
inline std::int64_t pieces_of(std::int64_t elements, std::int64_t cost) noexcept {
  return cost >= elements || cost <= 0 ? 1 : elements / cost;
}

/// The product of dimensions [begin, end).
inline std::int64_t product(const Shape& sizes, int begin, int end) noexcept {
  std::int64_t n = 1;
  for (int i = begin; i < end; ++i) n *= sizes[i];
  return n;
}

/// Calls f with a value of the trivial type of `size` bytes (1, 2, 4, 8 or 16).
struct SixteenBytes {
  std::uint64_t low, high;
};
template <class F>
void with_size(std::size_t size, F&& f) {
  switch (size) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    case 8:
      return f(std::uint64_t{});
    default:
      return f(SixteenBytes{});
  }
}

/// to[i * to_stride] = from[i * from_stride] for n elements of `size` bytes.
void copy_elements(
    void* to, std::int64_t to_stride, const void* from, std::int64_t from_stride, std::int64_t n,
    std::size_t size) noexcept;

/// n elements of `size` bytes that are all `element`, by all threads.
void fill_elements(void* to, const void* element, std::int64_t n, std::size_t size);

/// The tensor itself where it is row-major without gaps, else such a copy, which lives as long as this object.
class Contiguous {
 public:
  explicit Contiguous(const TensorImpl& t);
  const char* data() const noexcept { return data_; }
  template <class T>
  const T* as() const noexcept {
    return reinterpret_cast<const T*>(data_);
  }

 private:
  Tensor copy_;
  const char* data_;
};

}  // namespace keen::detail::cpu
