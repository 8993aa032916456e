// Concatenation, padding and the gradient of slices: elements put into a larger tensor.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/layout.h"

namespace keen::detail::cpu {
namespace {

constexpr std::int64_t chunk_bytes = 4 * elementwise_grain;

/// Copies `rows` blocks of `bytes`, which lie `to_step` and `from_step` bytes apart.
void copy_blocks(
    char* to, std::int64_t to_step, const char* from, std::int64_t from_step, std::int64_t rows, std::int64_t bytes) {
  if (rows == 1) {
    parallel_for(bytes, chunk_bytes, [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
    });
    return;
  }
  parallel_for(rows, pieces_of(chunk_bytes, bytes), [&](std::int64_t begin, std::int64_t end) {
    if (bytes <= 16 && (bytes & (bytes - 1)) == 0) {
      with_size(static_cast<std::size_t>(bytes), [&]<class T>(T) {
        for (std::int64_t r = begin; r < end; ++r) std::memcpy(to + r * to_step, from + r * from_step, sizeof(T));
      });
    } else {
      for (std::int64_t r = begin; r < end; ++r)
        std::memcpy(to + r * to_step, from + r * from_step, static_cast<std::size_t>(bytes));
    }
  });
}

/// Sets all elements to `value`.
void fill_with(TensorImpl& t, double value) {
  SixteenBytes element{};
  convert(t.dtype, &element, DType::float64, &value, 1);
  with_size(size_of(t.dtype), [&]<class T>(T) {
    T v;
    std::memcpy(&v, &element, sizeof v);
    parallel_for(t.size, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      std::fill(t.as<T>() + begin, t.as<T>() + end, v);
    });
  });
}

/// Element (i, j, …) of x goes to (start + i·step, …) of out.
void place(TensorImpl& out, const TensorImpl& x, const Shape& start, const Shape* step) {
  if (x.size == 0) return;
  const int rank = x.shape.rank(), last = rank - 1;
  const auto size = static_cast<std::int64_t>(size_of(x.dtype));
  Shape to_strides = out.strides;
  char* to = out.as<char>();
  for (int i = 0; i < rank; ++i) {
    to += start[i] * out.strides[i] * size;
    if (step) to_strides[i] *= (*step)[i];
  }
  if (rank == 0) {
    std::memcpy(to, x.data, static_cast<std::size_t>(size));
    return;
  }
  // Rows of the last dimension.
  Shape sizes = x.shape, from_strides = x.strides, row_strides = to_strides;
  for (Shape* s : {&sizes, &from_strides, &row_strides}) s->resize(last);
  const std::int64_t n = x.shape[last];
  parallel_for(x.size / n, pieces_of(elementwise_grain, n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      copy_elements(
          to + offset_of(r, sizes, row_strides) * size, to_strides[last],
          x.as<char>() + offset_of(r, sizes, from_strides) * size, x.strides[last], n, static_cast<std::size_t>(size));
  });
}

}  // namespace

void concat(KernelCall& call) {
  TensorImpl& out = call.out();
  if (out.size == 0) return;
  const auto axis = static_cast<int>(integer(call.attributes[0]));
  const std::int64_t outer = product(out.shape, 0, axis),
                     out_row = out.size / outer * static_cast<std::int64_t>(size_of(out.dtype));
  char* to = out.as<char>();
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const TensorImpl& x = call.in(static_cast<int>(i));
    if (x.size == 0) continue;
    const Contiguous from(x);
    const std::int64_t row = x.size / outer * static_cast<std::int64_t>(size_of(x.dtype));
    copy_blocks(to, out_row, from.data(), row, outer, row);
    to += row;
  }
}

void pad(KernelCall& call) {
  fill_with(call.out(), real(call.attributes[2]));
  place(call.out(), call.in(0), ints(call.attributes[0]), nullptr);
}

void slice_gradient(KernelCall& call) {
  TensorImpl& out = call.out();
  std::memset(out.data, 0, static_cast<std::size_t>(out.size) * size_of(out.dtype));
  place(out, call.in(0), ints(call.attributes[0]), &ints(call.attributes[1]));
}

}  // namespace keen::detail::cpu
