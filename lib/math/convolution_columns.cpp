// Convolutions as matrix products: each row of a matrix ("columns") holds what one window sees.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "cpu/layout.h"
#include "math/convolution.h"
#include "math/loader.h"

namespace keen::detail {
namespace {

using cpu::Scratch;
using std::int64_t;

constexpr int64_t block_elements = 32768;  // of the matrix at a time: it stays in the second-level cache
constexpr int64_t most_sums = 16;          // partial sums of a filter gradient

void gemm(const KeenMathLibrary& library, const KeenGemm& g, float) {
  const bool large = library.sgemm_large && g.m * g.n * g.k > int64_t{1} << 18;
  (large ? library.sgemm_large : library.sgemm_small)(&g);
}
void gemm(const KeenMathLibrary& library, const KeenGemm& g, double) { library.dgemm(&g); }

template <class T>
struct Columns {
  const KeenConvolution& p;
  const KeenMathLibrary& library = math_library();
  const int64_t channels = p.c / p.groups, outs = p.out / p.groups;                                // of a group
  const int64_t width = p.kh * p.kw * channels;                                                    // of the matrix
  const int64_t block = std::max<int64_t>(1, block_elements / std::max<int64_t>(1, p.ow* width));  // rows of y

  /// The taps [begin, end) of a window beginning at `first` that lie inside [0, size).
  static void inside(int64_t first, int64_t dilation, int64_t size, int64_t taps, int64_t& begin, int64_t& end) {
    begin = first >= 0 ? 0 : std::min(taps, (-first + dilation - 1) / dilation);
    end = first >= size ? 0 : std::min(taps, (size - first + dilation - 1) / dilation);
    end = std::max(begin, end);
  }

  /// Calls f(in the image, in the matrix, run length, zeros before, zeros after) for each row of each window of one row
  /// of y; one call a tap where neighbours do not lie together.
  template <class F>
  void for_runs(T* image, T* matrix, int64_t oy, int64_t group, F&& f) const {
    const bool together = p.dilation_x == 1 && p.groups == 1;
    int64_t top, bottom, left, right;
    inside(oy * p.stride_y - p.top, p.dilation_y, p.h, p.kh, top, bottom);
    for (int64_t ox = 0; ox < p.ow; ++ox, matrix += width) {
      const int64_t x = ox * p.stride_x - p.left;
      inside(x, p.dilation_x, p.w, p.kw, left, right);
      for (int64_t ky = 0; ky < p.kh; ++ky) {
        T* to = matrix + ky * p.kw * channels;
        if (ky < top || ky >= bottom) {
          f(image, to, 0, 0, p.kw * channels);
          continue;
        }
        const int64_t y = oy * p.stride_y - p.top + ky * p.dilation_y;
        T* from = image + (y * p.w + x) * p.c + group * channels;
        if (together) {
          f(from + left * p.c, to, (right - left) * channels, left * channels, (p.kw - right) * channels);
          continue;
        }
        for (int64_t kx = 0; kx < p.kw; ++kx, to += channels) {
          const bool seen = kx >= left && kx < right;
          f(from + kx * p.dilation_x * p.c, to, seen ? channels : 0, 0, seen ? 0 : channels);
        }
      }
    }
  }

  void gather(T* x, T* matrix, int64_t row, int64_t group) const {
    for_runs(
        x + row / p.oh * p.h * p.w * p.c, matrix, row % p.oh, group,
        [](const T* from, T* to, int64_t n, int64_t before, int64_t after) {
          for (int64_t i = 0; i < before; ++i) to[i] = 0;
          for (int64_t i = 0; i < n; ++i) to[before + i] = from[i];
          for (int64_t i = 0; i < after; ++i) to[before + n + i] = 0;
        });
  }

  void add_back(T* x, T* matrix, int64_t row, int64_t group) const {
    for_runs(
        x + row / p.oh * p.h * p.w * p.c, matrix, row % p.oh, group,
        [](T* to, const T* from, int64_t n, int64_t before, int64_t) {
          for (int64_t i = 0; i < n; ++i) to[i] += from[before + i];
        });
  }

  Scratch matrix_for(int64_t rows) const { return Scratch(static_cast<std::size_t>(rows * p.ow * width) * sizeof(T)); }

  void forward(T* x, T* filters, T* y) const {
    parallel_for(p.n * p.oh, block, [&](int64_t begin, int64_t end) {
      Scratch matrix = matrix_for(end - begin);
      for (int64_t g = 0; g < p.groups; ++g) {
        for (int64_t r = begin; r < end; ++r) gather(x, matrix.as<T>() + (r - begin) * p.ow * width, r, g);
        gemm(
            library,
            {(end - begin) * p.ow, outs, width, matrix.data(), filters + g * outs, y + begin * p.ow * p.out + g * outs,
             width, p.out, p.out, false, false, false},
            T());
      }
    });
  }

  void to_input(T* x, T* filters, T* y) const {
    parallel_for(p.n, 1, [&](int64_t first, int64_t last) {
      Scratch matrix = matrix_for(std::min(block, p.oh));
      std::memset(
          x + first * p.h * p.w * p.c, 0, static_cast<std::size_t>((last - first) * p.h * p.w * p.c) * sizeof(T));
      for (int64_t begin = first * p.oh, end; begin < last * p.oh; begin = end) {
        end = std::min({begin + block, last * p.oh, begin + p.oh});
        for (int64_t g = 0; g < p.groups; ++g) {
          gemm(
              library,
              {(end - begin) * p.ow, width, outs, y + begin * p.ow * p.out + g * outs, filters + g * outs,
               matrix.data(), p.out, p.out, width, false, true, false},
              T());
          for (int64_t r = begin; r < end; ++r) add_back(x, matrix.as<T>() + (r - begin) * p.ow * width, r, g);
        }
      }
    });
  }

  void to_filters(T* x, T* filters, T* y) const {
    const int64_t rows = p.n * p.oh, size = width * p.out;
    const int64_t part = std::max(block, (rows + most_sums - 1) / most_sums), parts = (rows + part - 1) / part;
    Scratch sums(static_cast<std::size_t>(parts * size) * sizeof(T));
    parallel_for(parts, 1, [&](int64_t first, int64_t last) {
      Scratch matrix = matrix_for(block);
      for (int64_t i = first; i < last; ++i) {
        const int64_t stop = std::min(rows, (i + 1) * part);
        for (int64_t begin = i * part, end; begin < stop; begin = end) {
          end = std::min(stop, begin + block);
          for (int64_t g = 0; g < p.groups; ++g) {
            for (int64_t r = begin; r < end; ++r) gather(x, matrix.as<T>() + (r - begin) * p.ow * width, r, g);
            gemm(
                library,
                {width, outs, (end - begin) * p.ow, matrix.data(), y + begin * p.ow * p.out + g * outs,
                 sums.as<T>() + i * size + g * outs, width, p.out, p.out, true, false, begin > i * part},
                T());
          }
        }
      }
    });
    std::memcpy(filters, sums.data(), static_cast<std::size_t>(size) * sizeof(T));
    for (int64_t i = 1; i < parts; ++i)
      for (int64_t j = 0; j < size; ++j) filters[j] += sums.as<T>()[i * size + j];
  }
};

}  // namespace

template <class T>
void convolve_by_columns(const KeenConvolution& problem, T* x, T* filters, T* y) {
  const Columns<T> columns{problem};
  SerialBlas scope(columns.library);
  switch (problem.kind) {
    case KeenConvolution::forward:
      return columns.forward(x, filters, y);
    case KeenConvolution::input_gradient:
      return columns.to_input(x, filters, y);
    default:
      return columns.to_filters(x, filters, y);
  }
}

template void convolve_by_columns(const KeenConvolution&, float*, float*, float*);
template void convolve_by_columns(const KeenConvolution&, double*, double*, double*);

}  // namespace keen::detail
