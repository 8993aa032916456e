// TensorImpl: what a Tensor points to. A block of memory and the description of the elements in it.
#pragma once
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "keen/operand.h"
#include "keen/tensor.h"

namespace keen::detail {

struct SparseParts;

/// A symbolic tensor's place in the graph under construction.
struct TraceLink {
  void* trace = nullptr;  // the Graph it belongs to
  int value = -1;         // its number there
};

/// What is rarely there, so that the common tensor stays small.
struct TensorExtra {
  std::unique_ptr<SparseParts> sparse;
  TraceLink link;
  std::function<void()> deleter;  // of external memory
};

/// The elements of a tensor and their layout. A view keeps its root alive through `base`; the root owns the memory,
/// which for small tensors lies in the same block behind the header.
struct TensorImpl : RefCount {
  enum Flag : std::uint8_t {
    contiguous = 1,   // row-major without gaps
    external = 2,     // memory of the caller's: never written, never donated
    symbolic = 4,     // no elements: a value of a trace
    inline_data = 8,  // data lies in this block
    from_number = 16  // made from a weak number; the tracer keeps it as an immediate
  };
  TensorImpl(DType d, Device where, const Shape& dims, const Shape& steps, std::int64_t n) noexcept
      : dtype(d), device(where), size(n), shape(dims), strides(steps) {}

  DType dtype;
  Device device;
  std::uint8_t flags = contiguous;
  std::uint64_t id = 0;         // identity for tapes; never reused
  std::int64_t size;            // number of elements
  void* data = nullptr;         // address of element 0 (of this view)
  TensorImpl* base = nullptr;   // the root, counted; null for a root
  std::size_t block_bytes = 0;  // of this header's own block
  std::size_t data_bytes = 0;   // of the root's separate data block
  TensorExtra* extra = nullptr;
  keen::Shape shape;
  Shape strides;  // in elements

  bool is_contiguous() const noexcept { return flags & contiguous; }
  bool is_symbolic() const noexcept { return flags & symbolic; }  // never of a sparse tensor, though its parts may be
  bool is_sparse() const noexcept { return extra && extra->sparse; }
  template <class T = void>
  T* as() const noexcept {
    return static_cast<T*>(data);
  }
  bool sole_owner() const noexcept { return refs.load(std::memory_order_acquire) == 1; }
};

/// Parts of a sparse gradient: row i of `values` belongs to row `indices[i]` of the dense tensor. The parts are tensors like
/// any other, in a trace values of it; the pair of them is only known to who asks: operations see it made dense.
struct SparseParts {
  Tensor values;   // (n, ...)
  Tensor indices;  // int64 (n,)
};

/// A new tensor with uninitialised elements. Throws ShapeError on overflow, OutOfMemory.
Tensor make_tensor(DType dtype, const Shape& shape, Device device);
/// The same for the result of an operation, whose name errors carry.
Tensor make_result(const char* operation, DType dtype, const Shape& shape, Device device = {});
/// The fast form: `strides` are the row-major ones and `size` the product of `shape`, both known already.
TensorImpl* make_impl(DType dtype, const Shape& shape, const Shape& strides, std::int64_t size, Device device);
/// A view of `of`'s storage with its own shape and strides (in elements), starting `offset` elements behind of.data.
Tensor make_view(const TensorImpl& of, const Shape& shape, const Shape& strides, std::int64_t offset);
/// A value of a trace: shape (perhaps symbolic) and dtype, no elements.
Tensor make_symbolic(DType dtype, const Shape& shape, Device device, TraceLink link);
/// A sparse tensor of `shape`, whose sizes are known.
Tensor make_sparse(const Shape& shape, Tensor values, Tensor indices);
/// The same values as an ordinary tensor; `t` itself when it is one.
Tensor densify(const Tensor& t);

/// Row-major strides in elements.
Shape contiguous_strides(const Shape& shape);
bool is_contiguous(const Shape& shape, const Shape& strides) noexcept;

inline TensorImpl& impl(const Tensor& t) noexcept { return *t.impl(); }
/// Throws UsageError for an undefined tensor, naming the operation.
const TensorImpl& checked(const Tensor& t, const char* operation);

}  // namespace keen::detail
