// Concatenation, padding and the gradient of slices: elements put into a larger tensor.
#include <algorithm>
#include <cstring>
#include <vector>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/layout.h"

namespace keen::detail::cpu {
namespace {

constexpr std::int64_t chunk_bytes = 4 * elementwise_grain, tile_bytes = 16384;

void copy_in_parallel(char* to, const char* from, std::int64_t bytes) {
  parallel_for(bytes, chunk_bytes, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
  });
}

/// Copies `rows` blocks of `bytes`, which come without gaps and go `to_step` bytes apart.
void copy_blocks(char* to, std::int64_t to_step, const char* from, std::int64_t rows, std::int64_t bytes) {
  if (bytes <= 16 && (bytes & (bytes - 1)) == 0) {
    with_size(static_cast<std::size_t>(bytes), [&]<class T>(T) {
      for (std::int64_t r = 0; r < rows; ++r) std::memcpy(to + r * to_step, from + r * bytes, sizeof(T));
    });
  } else {
    for (std::int64_t r = 0; r < rows; ++r)
      std::memcpy(to + r * to_step, from + r * bytes, static_cast<std::size_t>(bytes));
  }
}

/// Sets all elements to `value`.
void fill_with(TensorImpl& t, double value) {
  SixteenBytes element{};
  convert(t.dtype, &element, DType::float64, &value, 1);
  fill_elements(t.data, &element, t.size, size_of(t.dtype));
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
  struct Part {
    Contiguous from;
    std::int64_t row, place;  // bytes of a row, and before it in a row of the result
  };
  std::vector<Part> parts;
  parts.reserve(call.inputs.size());
  std::int64_t place = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const TensorImpl& x = call.in(static_cast<int>(i));
    if (x.size == 0) continue;
    const std::int64_t row = x.size / outer * static_cast<std::int64_t>(size_of(x.dtype));
    parts.push_back({Contiguous(x), row, place});
    place += row;
  }
  if (outer == 1) {
    for (const Part& p : parts) copy_in_parallel(out.as<char>() + p.place, p.from.data(), p.row);
    return;
  }
  // A few rows of the result at a time, so that what the parts write into one cache line meets there.
  const std::int64_t together = pieces_of(tile_bytes, out_row);
  parallel_for(outer, pieces_of(chunk_bytes, out_row), [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += together)
      for (const Part& p : parts)
        copy_blocks(
            out.as<char>() + begin * out_row + p.place, out_row, p.from.data() + begin * p.row,
            std::min(together, end - begin), p.row);
  });
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
