// Gather, scatter and their relatives: every index is checked before the first element is written.
#include <algorithm>
#include <cstring>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/positions.h"

namespace keen::detail::cpu {
namespace {

constexpr std::int64_t chunk_bytes = 4 * elementwise_grain;

std::int64_t element_size(const TensorImpl& t) { return static_cast<std::int64_t>(size_of(t.dtype)); }

/// A shape seen from one axis: (outer, n, inner).
struct Around {
  std::int64_t outer, n, inner;
  Around(const Shape& shape, int axis)
      : outer(product(shape, 0, axis)), n(shape[axis]), inner(product(shape, axis + 1, shape.rank())) {}
};

[[gnu::noinline]] void add_by(Loop loop, void* to, const void* from, std::int64_t n) {
  const void* const in[] = {to, from};
  loop(in, 0, to, n);
}

/// to[i] += from[i], integers modulo 2^bits. `loop` is addition's for the dtype, null where it has none.
template <class T>
[[gnu::always_inline]] inline void add_to(T* to, const T* from, std::int64_t n, Loop loop) {
  if (loop && n >= 8) return add_by(loop, to, from, n);
  for (std::int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat>)
      to[i] = T(static_cast<float>(to[i]) + static_cast<float>(from[i]));
    else to[i] = static_cast<T>(to[i] + from[i]);
  }
}

/// Calls f with a value of the type whose addition serves the dtype.
template <class F>
void with_addable(const char* operation, DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32:
      return f(float{});
    case DType::float64:
      return f(double{});
    case DType::float16:
      return f(Half{});
    case DType::bfloat16:
      return f(BFloat{});
    default:
      break;
  }
  if (!is_integer(dtype)) fail<DTypeError>(operation, "cannot add elements of ", name(dtype));
  switch (size_of(dtype)) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

void clear(TensorImpl& t) {
  parallel_for(t.size * element_size(t), 2 * chunk_bytes, [&](std::int64_t begin, std::int64_t end) {
    std::memset(t.as<char>() + begin, 0, static_cast<std::size_t>(end - begin));
  });
}

/// The innermost dimensions of a layout as one: true when they lie evenly, `stride` apart.
bool even_stride(const TensorImpl& x, int first, std::int64_t& stride) {
  stride = 1;
  std::int64_t next = -1;  // what the stride of the next dimension must be
  for (int i = x.shape.rank() - 1; i >= first; --i) {
    if (x.shape[i] == 1) continue;
    if (next < 0) stride = x.strides[i];
    else if (x.strides[i] != next) return false;
    next = x.strides[i] * x.shape[i];
    if (next < 0) return false;
  }
  return true;
}

}  // namespace

void gather(KernelCall& call) {
  const TensorImpl &x = call.in(0), &indices = call.in(1);
  const auto axis = static_cast<int>(integer(call.attributes[0]));
  const Around a(x.shape, axis);
  const Positions at(indices, a.n, true);
  at.check(call.op.name, axis);
  TensorImpl& out = call.out();
  if (out.size == 0) return;
  std::int64_t inner_stride = 1;
  const bool in_place = even_stride(x, axis + 1, inner_stride);
  if (!in_place) inner_stride = 1;
  const Tensor copy = in_place ? Tensor() : make_tensor(x.dtype, x.shape, x.device);
  if (!in_place) copy_strided(impl(copy).data, x);
  const TensorImpl& from = in_place ? x : impl(copy);
  Shape sizes = from.shape, strides = from.strides;
  sizes.resize(axis);
  strides.resize(axis);
  const std::int64_t size = element_size(x), step = from.strides[axis] * size, row = a.inner * size, k = indices.size;
  const std::int64_t* places = at.data();
  parallel_for(a.outer * k, pieces_of(chunk_bytes, row), [=, &out, &from](std::int64_t begin, std::int64_t end) {
    char* to = out.as<char>() + begin * row;
    for (std::int64_t r = begin; r < end;) {  // all of one outer index
      const std::int64_t o = r / k, first = o * k, stop = std::min(end, first + k);
      const char* base = from.as<char>() + offset_of(o, sizes, strides) * size;
      if (row <= 16 && inner_stride == 1 && (row & (row - 1)) == 0) {
        with_size(static_cast<std::size_t>(row), [&]<class T>(T) {
          for (; r < stop; ++r, to += row) std::memcpy(to, base + places[r - first] * step, sizeof(T));
        });
      } else {
        for (; r < stop; ++r, to += row)
          copy_elements(to, 1, base + places[r - first] * step, inner_stride, a.inner, static_cast<std::size_t>(size));
      }
    }
  });
}

void take_along_axis(KernelCall& call) {
  const TensorImpl &x = call.in(0), &indices = call.in(1);
  const auto axis = static_cast<int>(integer(call.attributes[0]));
  const Around a(x.shape, axis);
  const Positions at(indices, a.n, true);
  at.check(call.op.name, axis);
  TensorImpl& out = call.out();
  if (out.size == 0) return;
  const Contiguous from(x);
  const std::int64_t m = indices.shape[axis];
  with_size(size_of(x.dtype), [&]<class T>(T) {
    parallel_for(a.outer * m, pieces_of(chunk_bytes, a.inner * 16), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const T* base = from.as<T>() + r / m * a.n * a.inner;
        const std::int64_t* places = at.data() + r * a.inner;
        T* to = out.as<T>() + r * a.inner;
        for (std::int64_t i = 0; i < a.inner; ++i) to[i] = base[places[i] * a.inner + i];
      }
    });
  });
}

// Additions to one element happen in the order of the indices; threads work on different columns.

void scatter(KernelCall& call) {
  const TensorImpl &indices = call.in(0), &updates = call.in(1);
  TensorImpl& out = call.out();
  const Around a(out.shape, 0);
  const Positions at(indices, a.n, true);
  at.check(call.op.name, 0);
  with_addable(call.op.name, out.dtype, [&]<class T>(T) {
    clear(out);
    if (updates.size == 0) return;
    const Contiguous from(updates);
    const std::int64_t k = indices.size, grain = std::max<std::int64_t>(64, elementwise_grain / k);
    const Loop loop = find_loop(scalar::Function::add, out.dtype);
    parallel_for(a.inner, grain, [&](std::int64_t begin, std::int64_t end) {
      T* to = out.as<T>() + begin;
      const T* values = from.as<T>() + begin;
      const std::int64_t *places = at.data(), n = end - begin, inner = a.inner;
      if (n == 1)  // elements all over memory: nothing but the additions themselves should stand between them
        for (std::int64_t j = 0; j < k; ++j) add_to(to + places[j] * inner, values + j * inner, 1, nullptr);
      else
        for (std::int64_t j = 0; j < k; ++j) add_to(to + places[j] * inner, values + j * inner, n, loop);
    });
  });
}

void put_along_axis(KernelCall& call) {
  const TensorImpl &indices = call.in(0), &updates = call.in(1);
  TensorImpl& out = call.out();
  const auto axis = static_cast<int>(integer(call.attributes[0]));
  const Around a(out.shape, axis);
  const Positions at(indices, a.n, true);
  at.check(call.op.name, axis);
  with_addable(call.op.name, out.dtype, [&]<class T>(T) {
    clear(out);
    if (updates.size == 0) return;
    const Contiguous from(updates);
    const std::int64_t m = indices.shape[axis];
    parallel_for(a.outer * a.inner, pieces_of(elementwise_grain, m), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end;) {  // the columns of one outer index
        const std::int64_t o = c / a.inner, first = c % a.inner, count = std::min(end - c, a.inner - first);
        for (std::int64_t j = 0; j < m; ++j) {
          const std::int64_t row = (o * m + j) * a.inner;
          for (std::int64_t i = first; i < first + count; ++i)
            add_to(out.as<T>() + (o * a.n + at[row + i]) * a.inner + i, from.as<T>() + row + i, 1, nullptr);
        }
        c += count;
      }
    });
  });
}

void one_hot(KernelCall& call) {
  const TensorImpl& indices = call.in(0);
  TensorImpl& out = call.out();
  const std::int64_t depth = ints(call.attributes[0])[0], size = element_size(out);
  const Positions at(indices, depth, false);
  if (at.bad() >= 0) fail<IndexError>(call.op.name, "index ", at.bad_value(), " is out of range for depth ", depth);
  clear(out);
  const std::uint8_t one = 1;
  SixteenBytes value;
  if (is_complex(out.dtype)) fail<DTypeError>(call.op.name, "a one-hot tensor cannot be ", name(out.dtype));
  convert(out.dtype, &value, DType::uint8, &one, 1);
  with_size(static_cast<std::size_t>(size), [&]<class T>(T) {
    for (std::int64_t i = 0; i < indices.size; ++i)
      std::memcpy(out.as<char>() + (i * depth + at[i]) * size, &value, sizeof(T));
  });
}

}  // namespace keen::detail::cpu
