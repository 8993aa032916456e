// Merging dimensions, and the element moves of each size.
#include "cpu/strided.h"

#include <algorithm>
#include <utility>

#include "cpu/layout.h"

namespace keen::detail::cpu {
namespace {

/// The stride of an input along dimension d of a result of `rank`: 0 where it is broadcast.
std::int64_t stride_along(const TensorImpl& in, int rank, int d) {
  const int own = d - (rank - in.shape.rank());
  return own < 0 || in.shape[own] == 1 ? 0 : in.strides[own];
}

}  // namespace

Space::Space(const Shape& shape, const TensorImpl* const* in, int count) : inputs(count) {
  // From the innermost dimension outwards; reversed at the end.
  for (int d = shape.rank() - 1; d >= 0; --d) {
    if (shape[d] == 1) continue;
    std::int64_t step[max_inputs];
    bool merges = sizes.rank() > 0;
    for (int i = 0; i < count; ++i) {
      step[i] = stride_along(*in[i], shape.rank(), d);
      merges = merges && step[i] == strides[i][-1] * sizes[-1];
    }
    if (merges) {
      sizes[-1] *= shape[d];
      continue;
    }
    sizes.push_back(shape[d]);
    for (int i = 0; i < count; ++i) strides[i].push_back(step[i]);
  }
  if (sizes.empty()) {
    sizes.push_back(1);
    for (int i = 0; i < count; ++i) strides[i].push_back(1);
  }
  const auto reverse = [](Shape& s) {
    for (int i = 0, j = s.rank() - 1; i < j; ++i, --j) std::swap(s[i], s[j]);
  };
  reverse(sizes);
  for (int i = 0; i < count; ++i) reverse(strides[i]);
}

Cursor::Cursor(const Space& space, std::int64_t row) : space_(space), index_(Shape::filled(space.rank() - 1, 0)) {
  for (int d = space.rank() - 2; d >= 0 && row > 0; --d) {
    index_[d] = row % space.sizes[d];
    row /= space.sizes[d];
    for (int i = 0; i < space.inputs; ++i) base_[i] += index_[d] * space.strides[i][d];
  }
}

void Cursor::advance(std::int64_t rows) noexcept {
  for (int d = space_.rank() - 2; d >= 0; --d, rows = 1) {
    index_[d] += rows;
    for (int i = 0; i < space_.inputs; ++i) base_[i] += rows * space_.strides[i][d];
    if (index_[d] < space_.sizes[d]) return;
    index_[d] = 0;
    for (int i = 0; i < space_.inputs; ++i) base_[i] -= space_.sizes[d] * space_.strides[i][d];
  }
}

namespace {

/// Rows that repeat one element, too short for a loop each: whole vectors are written, the next row overwrites the
/// excess.
template <class T>
void spread_short_rows(T* out, const T* in, std::int64_t rows, std::int64_t row_stride, std::int64_t columns) {
  constexpr std::int64_t width = 16;
  for (; rows > 0; --rows, in += row_stride, out += columns) {
    const T value = *in;
    if (rows * columns >= width) {
      for (std::int64_t c = 0; c < width; ++c) out[c] = value;
    } else {
      for (std::int64_t c = 0; c < columns; ++c) out[c] = value;
    }
  }
}

template <class T>
using Register __attribute__((vector_size(16))) = T;

template <class T, std::size_t... I>
void copy_register_backwards(T* out, const T* in, std::index_sequence<I...>) {
  Register<T> v;
  std::memcpy(&v, in, sizeof v);
  const Register<T> reversed = __builtin_shufflevector(v, v, (sizeof...(I) - 1 - I)...);
  std::memcpy(out, &reversed, sizeof v);
}
/// n elements from `last` backwards.
template <class T>
void copy_backwards(T* out, const T* last, std::int64_t n) {
  constexpr std::int64_t width = 16 / sizeof(T);
  std::int64_t c = 0;
  for (; c + width <= n; c += width)
    copy_register_backwards(out + c, last - c - (width - 1), std::make_index_sequence<width>());
  for (; c < n; ++c) out[c] = last[-c];
}

}  // namespace

void gather(
    void* to, const void* from, std::int64_t rows, std::int64_t row_stride, std::int64_t columns,
    std::int64_t column_stride, std::size_t bytes) noexcept {
  with_size(bytes, [&](auto zero) {
    using T = decltype(zero);
    T* out = static_cast<T*>(to);
    const T* in = static_cast<const T*>(from);
    if (column_stride == 0 && columns < 16) return spread_short_rows(out, in, rows, row_stride, columns);
    for (std::int64_t r = 0; r < rows; ++r, in += row_stride, out += columns) {
      if (column_stride == 1) std::copy_n(in, columns, out);
      else if (column_stride == 0) std::fill_n(out, columns, *in);
      else if (column_stride == -1) {
        if constexpr (std::is_integral_v<T>) copy_backwards(out, in, columns);
        else std::reverse_copy(in - columns + 1, in + 1, out);
      } else
        for (std::int64_t c = 0; c < columns; ++c) out[c] = in[c * column_stride];
    }
  });
}

namespace {

/// A 4 × 4 block of 32-bit elements, in registers.
void transpose_4x4(std::uint32_t* out, std::int64_t out_stride, const std::uint32_t* in, std::int64_t in_stride) {
  typedef std::uint32_t Four __attribute__((vector_size(16)));
  Four a, b, c, d;
  std::memcpy(&a, in, 16);
  std::memcpy(&b, in + in_stride, 16);
  std::memcpy(&c, in + 2 * in_stride, 16);
  std::memcpy(&d, in + 3 * in_stride, 16);
  const Four ab01 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab23 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd01 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd23 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Four rows[4] = {
      __builtin_shufflevector(ab01, cd01, 0, 1, 4, 5), __builtin_shufflevector(ab01, cd01, 2, 3, 6, 7),
      __builtin_shufflevector(ab23, cd23, 0, 1, 4, 5), __builtin_shufflevector(ab23, cd23, 2, 3, 6, 7)};
  for (int r = 0; r < 4; ++r) std::memcpy(out + r * out_stride, &rows[r], 16);
}

/// Element by element: what register blocks leave over, and the other sizes.
template <class T>
void transpose_elements(
    T* out, std::int64_t out_stride, const T* in, std::int64_t in_stride, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t c = 0; c < columns; ++c)
    for (std::int64_t r = 0; r < rows; ++r) out[r * out_stride + c] = in[c * in_stride + r];
}

}  // namespace

void transpose_block(
    void* to, std::int64_t to_stride, const void* from, std::int64_t column_stride, std::int64_t rows,
    std::int64_t columns, std::size_t bytes) noexcept {
  constexpr std::int64_t ahead = 16, step = 4;
  with_size(bytes, [&](auto zero) {
    using T = decltype(zero);
    constexpr std::int64_t line = 64 / sizeof(T);
    T* out = static_cast<T*>(to);
    const T* in = static_cast<const T*>(from);
    for (std::int64_t c = 0; c < columns; c += step, in += step * column_stride, out += step) {
      // Columns lie a page or more apart: the processor does not see them coming.
      for (std::int64_t i = 0; i < step; ++i)
        for (std::int64_t r = 0; r < rows; r += line) __builtin_prefetch(in + (ahead + i) * column_stride + r);
      std::int64_t done = 0;
      if constexpr (sizeof(T) == 4) {
        if (columns - c >= step)
          for (; done + step <= rows; done += step)
            transpose_4x4(out + done * to_stride, to_stride, in + done, column_stride);
      }
      transpose_elements(
          out + done * to_stride, to_stride, in + done, column_stride, rows - done, std::min(step, columns - c));
    }
  });
}

}  // namespace keen::detail::cpu
