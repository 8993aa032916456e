// Copies between layouts, and filling.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/layout.h"
#include "cpu/strided.h"

namespace keen::detail::cpu {
namespace {

/// Bytes of a copy worth another thread.
constexpr std::int64_t copy_grain = 256 * 1024;
constexpr std::int64_t scratch_bytes = 8192;

void copy_contiguous(char* to, const char* from, std::int64_t bytes) {
  parallel_for(bytes, copy_grain, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
  });
}

/// Whole rows, one after another.
void copy_rows(const Space& space, char* to, const char* from, std::int64_t rows, std::size_t size) {
  const auto bytes = static_cast<std::int64_t>(size);
  const std::int64_t columns = space.columns(), grain = std::max<std::int64_t>(1, copy_grain / (columns * bytes));
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    Cursor cursor(space, begin);
    while (begin < end) {
      const std::int64_t count = std::min(end - begin, cursor.rows_left());
      gather(
          to + begin * columns * bytes, from + cursor.offset(0) * bytes, count, space.row_stride(0), columns,
          space.column_stride(0), size);
      begin += count;
      cursor.advance(count);
    }
  });
}

/// Transposed matrices, in panels of some rows each, through a scratch block: rows a power of two apart would share few
/// cache sets.
void copy_panels(const Space& space, char* to, const char* from, std::int64_t rows, std::size_t size) {
  const auto bytes = static_cast<std::int64_t>(size);
  const std::int64_t columns = space.columns(), inner = space.sizes[-2], height = panel_rows(bytes);
  const std::int64_t width = scratch_bytes / (height * bytes), panels = (inner + height - 1) / height;
  const std::int64_t grain = std::max<std::int64_t>(1, copy_grain / (height * columns * bytes));
  parallel_for(rows / inner * panels, grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) char scratch[scratch_bytes];
    for (; begin < end; ++begin) {
      const std::int64_t first = begin % panels * height, row = begin / panels * inner + first;
      const std::int64_t count = std::min(height, inner - first);
      const char* panel = from + Cursor(space, row).offset(0) * bytes;
      for (std::int64_t column = 0; column < columns; column += width) {
        const std::int64_t part = std::min(width, columns - column);
        transpose_block(
            scratch, part, panel + column * space.column_stride(0) * bytes, space.column_stride(0), count, part, size);
        for (std::int64_t r = 0; r < count; ++r)
          std::memcpy(
              to + ((row + r) * columns + column) * bytes, scratch + r * part * bytes,
              static_cast<std::size_t>(part * bytes));
      }
    }
  });
}

}  // namespace

void copy_strided(void* to, const TensorImpl& from) {
  const std::size_t size = size_of(from.dtype);
  if (from.size == 0) return;
  if (from.is_contiguous())
    return copy_contiguous(static_cast<char*>(to), from.as<char>(), from.size * static_cast<std::int64_t>(size));
  const TensorImpl* in[] = {&from};
  const Space space(from.shape, in, 1);
  const std::int64_t rows = from.size / space.columns();
  const bool transposed =
      space.row_stride(0) == 1 && space.column_stride(0) != 1 && space.columns() >= 8 && space.sizes[-2] >= 8;
  (transposed ? copy_panels : copy_rows)(space, static_cast<char*>(to), from.as<char>(), rows, size);
}

void copy(KernelCall& call) { copy_strided(call.out().data, call.in(0)); }

void fill(KernelCall& call) {
  TensorImpl& out = call.out();
  fill_elements(out.data, call.in(0).data, out.size, size_of(out.dtype));
}

}  // namespace keen::detail::cpu
