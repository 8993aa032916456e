// Indexing: slices as views, gather and scatter by integer tensors.
#pragma once
#include <optional>
#include <vector>

#include "keen/operand.h"
#include "keen/variable.h"

namespace keen {

/// start:stop:step along one axis, as in Python: absent ends, negative positions and negative steps mean the same.
struct Slice {
  std::optional<std::int64_t> start, stop;
  std::int64_t step = 1;
};
/// A position, an open size of a trace (`slice(0, x.dim(0) - 1)`), or absent.
struct SliceEnd : std::optional<std::int64_t> {
  using std::optional<std::int64_t>::optional;
  constexpr SliceEnd() noexcept = default;
  SliceEnd(Size position) noexcept : std::optional<std::int64_t>(position.symbol()) {}
};
/// slice(stop), slice(start, stop), slice(start, stop, step); `{}` for an absent end. Step 0 is a UsageError.
inline Slice slice(SliceEnd stop) { return {{}, stop, 1}; }
inline Slice slice(SliceEnd start, SliceEnd stop, std::int64_t step = 1) { return {start, stop, step}; }

inline constexpr struct Ellipsis {
} ellipsis{};  ///< as many whole axes as fit
inline constexpr struct NewAxis {
} newaxis{};                      ///< a new axis of size 1
inline constexpr Slice all_of{};  ///< a whole axis

/// One position of `x(…)`: an integer (drops the axis), a slice, `ellipsis` or `newaxis`.
class Index {
 public:
  enum class Kind : std::uint8_t { integer, slice, ellipsis, newaxis };
  template <std::integral T>
  Index(T i) : kind(Kind::integer), slice{static_cast<std::int64_t>(i), {}, 1} {}
  Index(Size i) noexcept : Index(i.symbol()) {}
  Index(Slice s) : kind(Kind::slice), slice(s) {}
  Index(Ellipsis) : kind(Kind::ellipsis) {}
  Index(NewAxis) : kind(Kind::newaxis) {}
  Kind kind;
  Slice slice;
};

/// Basic indexing; always a view. Too many indices or one out of range is an IndexError.
Tensor index(const Tensor& x, std::span<const Index> indices, Where where = Where::current());
namespace detail {
Tensor set_number(const Tensor& x, std::initializer_list<Index> indices, const Operand& number, Where where);
}
/// x with the elements at `indices` replaced by value (broadcast to that place), which takes x's dtype. A number or a
/// dtype that x's cannot hold is a DTypeError.
Tensor set(const Tensor& x, std::initializer_list<Index> indices, const Tensor& value, Where where = Where::current());
template <class T>
requires(Number<T> || std::same_as<T, Size>) Tensor
    set(const Tensor& x, std::initializer_list<Index> indices, T value, Where where = Where::current()) {
  return detail::set_number(x, indices, value, where);
}

namespace detail {
/// The first index of `x(…)`, with the line it stands in.
struct FirstIndex : Index {
  template <std::convertible_to<Index> T>
  FirstIndex(const T& i, Where where = Where::current()) : Index(i), where(where) {}
  Where where;
};
}  // namespace detail

template <class... I>
Tensor Tensor::operator()(detail::FirstIndex first, const I&... rest) const {
  const Index list[] = {first, Index(rest)...};
  return index(*this, list, first.where);
}
template <class... I>
Tensor Variable::operator()(detail::FirstIndex first, const I&... rest) const {
  return value()(first, rest...);
}

/// Slices of x at integer `indices` along an axis: result shape is x.shape with that axis replaced by indices.shape.
/// Negative indices count from the end; out of range is an IndexError, indices that are not integers are a DTypeError.
Tensor gather(const Tensor& x, const Tensor& indices, int axis = 0, Where where = Where::current());
/// NumPy's name for gather.
Tensor take(const Tensor& x, const Tensor& indices, int axis = 0, Where where = Where::current());
/// zeros(shape) with updates (n, …) added to the rows `indices` (n,) of the first dimension, in the updates' dtype.
/// Duplicates add up. Indices that are not integers are a DTypeError, out of range an IndexError, other shapes a ShapeError.
Tensor scatter(const Tensor& indices, const Tensor& updates, const Shape& shape, Where where = Where::current());
/// x[..., indices[...]] along `axis`, indices having x's shape but for that axis (NumPy's take_along_axis). Errors as of
/// gather.
Tensor take_along_axis(const Tensor& x, const Tensor& indices, int axis, Where where = Where::current());
/// Rows of `depth` with 1 at each index and 0 elsewhere: indices (…) → (…, depth), float32 unless said. An index out of
/// range is an IndexError, a negative depth a ShapeError.
Tensor one_hot(const Tensor& indices, detail::Dim depth, DType dtype = DType::float32, Where where = Where::current());

}  // namespace keen
