// argmax and argmin along one axis of any layout.
#include <algorithm>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/layout.h"
#include "cpu/reduce_loops.h"

namespace keen::detail::cpu {
namespace {

constexpr std::int64_t task_elements = 65536, tile = 256;

/// One search along an axis of n elements, `stride` apart; the other dimensions are `kept`, the result row-major.
struct Search {
  const ArgLoops* loops;
  const char* x;
  std::int64_t size;  // of an element, in bytes
  std::int64_t n, stride;
  Shape kept, kept_strides;
  std::int64_t* out;

  std::int64_t results() const { return product(kept, 0, kept.rank()); }
  const char* at(std::int64_t result) const { return x + offset_of(result, kept, kept_strides) * size; }

  /// One long row in parts: the first part that holds the best value wins.
  void long_row(std::int64_t result) const {
    const char* row = at(result);
    const std::int64_t parts = (n + task_elements - 1) / task_elements;
    Scratch best(static_cast<std::size_t>(parts * size)), index(static_cast<std::size_t>(parts) * sizeof(std::int64_t));
    parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const std::int64_t first = p * task_elements;
        index.as<std::int64_t>()[p] =
            first + loops->row(best.data() + p * size, row + first * size, std::min(task_elements, n - first));
      }
    });
    char winner[16];
    out[result] = index.as<std::int64_t>()[loops->row(winner, best.data(), parts)];
  }

  void rows() const {
    if (n > 2 * task_elements && stride == 1) {
      for (std::int64_t i = 0, count = results(); i < count; ++i) long_row(i);
      return;
    }
    parallel_for(results(), pieces_of(task_elements, n), [&](std::int64_t begin, std::int64_t end) {
      Scratch stage(static_cast<std::size_t>(stride == 1 ? 0 : n * size));
      char winner[16];
      for (std::int64_t i = begin; i < end; ++i) {
        const char* row = at(i);
        if (stride != 1) {
          copy_elements(stage.data(), 1, row, stride, n, static_cast<std::size_t>(size));
          row = stage.data();
        }
        out[i] = loops->row(winner, row, n);
      }
    });
  }

  /// The last kept dimension is contiguous: walk down tiles of columns.
  void columns() const {
    const std::int64_t width = kept[-1], tiles = (width + tile - 1) / tile, outer = results() / width;
    const std::int64_t grain = pieces_of(task_elements, n * std::min(width, tile));
    parallel_for(outer * tiles, grain, [&](std::int64_t begin, std::int64_t end) {
      alignas(64) std::int64_t best[tile];
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t result = t / tiles * width + t % tiles * tile;
        loops->columns(best, out + result, at(result), stride, 0, n, std::min(tile, width - t % tiles * tile));
      }
    });
  }
};

void search(KernelCall& call, bool max) {
  const TensorImpl& x = call.in(0);
  if (call.out().size == 0) return;
  const auto axis = static_cast<int>(integer(call.attributes[0]));
  Search s{
      for_isa(sse2::arg_loops, avx2::arg_loops, avx512::arg_loops)(x.dtype, max),
      x.as<char>(),
      static_cast<std::int64_t>(size_of(x.dtype)),
      1,
      1,
      x.shape,
      x.strides,
      call.out().as<std::int64_t>()};
  if (!s.loops) fail<DTypeError>(call.op.name, "cannot compare elements of ", name(x.dtype));
  if (x.shape.rank() > 0) {
    s.n = x.shape[axis];
    s.stride = s.n == 1 ? 1 : x.strides[axis];
    s.kept.erase(axis);
    s.kept_strides.erase(axis);
  }
  if (s.stride != 1 && s.kept.rank() > 0 && s.kept_strides[-1] == 1) s.columns();
  else s.rows();
}

}  // namespace

void argmax(KernelCall& call) { search(call, true); }
void argmin(KernelCall& call) { search(call, false); }

}  // namespace keen::detail::cpu
