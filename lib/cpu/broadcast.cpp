// Elementwise work over any layout: whole rows where rows are contiguous, tiles staged in L1 where they are not.
#include "cpu/broadcast.h"

#include <algorithm>

#include "core/parallel.h"
#include "cpu/strided.h"

namespace keen::detail::cpu {
namespace {

constexpr int max_inputs = Space::max_inputs;
constexpr std::int64_t scratch_bytes = 8192;  // an input's, so that all fit L1
constexpr std::int64_t min_row = 64;          // shorter rows are not worth a call of the loop each
constexpr std::int64_t panel_columns = 128;

class Broadcast {
 public:
  explicit Broadcast(const LoopCall& call) : call_(call), space_(call.out.shape, call.in, call.inputs) {
    for (int i = 0; i < call.inputs; ++i) {
      bytes_[i] = static_cast<std::int64_t>(size_of(call.in[i]->dtype));
      widest_ = std::max(widest_, bytes_[i]);
      if (space_.column_stride(i) == 0) repeated_ |= 1u << i;
    }
  }

  void run() const {
    if (any_transposed()) return run_panels();
    bool rows = space_.columns() >= min_row;
    for (int i = 0; i < call_.inputs; ++i) rows = rows && direct(i);
    if (rows) run_rows();
    else run_tiles();
  }

 private:
  bool direct(int i) const { return space_.column_stride(i) <= 1 && space_.column_stride(i) >= 0; }
  bool transposed(int i) const { return !direct(i) && space_.row_stride(i) == 1; }
  bool any_transposed() const {
    bool any = false;
    for (int i = 0; i < call_.inputs; ++i) any = any || transposed(i);
    return any && space_.columns() >= 8 && space_.sizes[-2] >= 8;
  }
  /// The same in every row.
  bool periodic(int i) const {
    for (int d = 0; d < space_.rank() - 1; ++d)
      if (space_.strides[i][d] != 0) return false;
    return true;
  }
  const char* at(int i, std::int64_t offset) const { return call_.in[i]->as<char>() + offset * bytes_[i]; }
  char* out_at(std::int64_t index) const {
    return call_.out.as<char>() + index * static_cast<std::int64_t>(size_of(call_.out.dtype));
  }

  void run_rows() const;
  void run_tiles() const;
  void run_panels() const;
  void run_panel(std::int64_t row, const Cursor& cursor, std::int64_t rows) const;

  const LoopCall& call_;
  Space space_;
  std::int64_t bytes_[max_inputs] = {};
  std::int64_t widest_ = 1;
  unsigned repeated_ = 0;
};

/// Every input is contiguous, or one element, along a row: the loop runs on the tensors' own memory.
void Broadcast::run_rows() const {
  const std::int64_t columns = space_.columns();
  parallel_for(call_.out.size, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    Cursor cursor(space_, begin / columns);
    for (std::int64_t column = begin % columns; begin < end; column = 0, cursor.advance(1)) {
      const std::int64_t count = std::min(columns - column, end - begin);
      const void* in[max_inputs];
      for (int i = 0; i < call_.inputs; ++i) in[i] = at(i, cursor.offset(i) + column * space_.column_stride(i));
      call_.loop(in, repeated_, out_at(begin), count);
      begin += count;
    }
  });
}

/// Short or strided rows: a tile of them is gathered into scratch, then the loop runs once for the tile.
void Broadcast::run_tiles() const {
  const std::int64_t columns = space_.columns(), tile = scratch_bytes / widest_;
  const std::int64_t width = std::min(columns, tile);           // of a tile that is part of one row,
  const std::int64_t tile_rows = std::max<std::int64_t>(1, tile / columns);  // or several whole rows
  const std::int64_t rows = call_.out.size / columns;
  const std::int64_t grain = std::max<std::int64_t>(1, elementwise_grain / columns);
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) char scratch[max_inputs][scratch_bytes];
    bool filled[max_inputs] = {};
    const void* in[max_inputs];
    Cursor cursor(space_, begin);
    while (begin < end) {
      const std::int64_t count = std::min({tile_rows, end - begin, cursor.rows_left()});
      for (std::int64_t column = 0; column < columns; column += width) {
        const std::int64_t part = std::min(width, columns - column);
        for (int i = 0; i < call_.inputs; ++i) {
          const std::int64_t step = space_.column_stride(i), offset = cursor.offset(i) + column * step;
          const bool gapless = step == 1 && (count == 1 || space_.row_stride(i) == columns);
          in[i] = gapless ? at(i, offset) : scratch[i];
          if (gapless || filled[i]) continue;
          const bool keep = part == columns && periodic(i);
          const std::int64_t gathered = keep ? std::min(tile_rows, end - begin) : count;
          gather(scratch[i], at(i, offset), gathered, space_.row_stride(i), part, step,
                 static_cast<std::size_t>(bytes_[i]));
          filled[i] = keep;
        }
        call_.loop(in, 0, out_at(begin * columns + column), count * part);
      }
      begin += count;
      cursor.advance(count);
    }
  });
}

/// Some input is transposed: panels of as many rows as a cache line holds elements, so that lines are read once.
void Broadcast::run_panels() const {
  const std::int64_t panel_rows = 64 / widest_, inner = space_.sizes[-2];
  const std::int64_t panels = (inner + panel_rows - 1) / panel_rows;  // in each matrix of the last two dimensions
  const std::int64_t matrices = call_.out.size / (inner * space_.columns());
  const std::int64_t grain = std::max<std::int64_t>(1, elementwise_grain / (panel_rows * space_.columns()));
  parallel_for(matrices * panels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; ++begin) {
      const std::int64_t first = begin % panels * panel_rows, row = begin / panels * inner + first;
      run_panel(row, Cursor(space_, row), std::min(panel_rows, inner - first));
    }
  });
}

void Broadcast::run_panel(std::int64_t row, const Cursor& cursor, std::int64_t rows) const {
  alignas(64) char scratch[max_inputs][64 * panel_columns];
  const std::int64_t columns = space_.columns();
  for (std::int64_t column = 0; column < columns; column += panel_columns) {
    const std::int64_t part = std::min(panel_columns, columns - column);
    for (int i = 0; i < call_.inputs; ++i) {
      const std::int64_t step = space_.column_stride(i);
      const char* from = at(i, cursor.offset(i) + column * step);
      const auto size = static_cast<std::size_t>(bytes_[i]);
      if (transposed(i)) transpose_block(scratch[i], part, from, step, rows, part, size);
      else if (!direct(i)) gather(scratch[i], from, rows, space_.row_stride(i), part, step, size);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      const void* in[max_inputs];
      for (int i = 0; i < call_.inputs; ++i) {
        const std::int64_t offset = cursor.offset(i) + r * space_.row_stride(i) + column * space_.column_stride(i);
        in[i] = direct(i) ? at(i, offset) : scratch[i] + r * part * bytes_[i];
      }
      call_.loop(in, repeated_, out_at((row + r) * columns + column), part);
    }
  }
}

}  // namespace

void run_contiguous(const LoopCall& call, unsigned repeated) {
  parallel_for(call.out.size, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    const void* in[max_inputs];
    for (int i = 0; i < call.inputs; ++i) {
      const std::int64_t offset = repeated >> i & 1 ? 0 : begin * static_cast<std::int64_t>(size_of(call.in[i]->dtype));
      in[i] = call.in[i]->as<char>() + offset;
    }
    call.loop(in, repeated, call.out.as<char>() + begin * static_cast<std::int64_t>(size_of(call.out.dtype)), end - begin);
  });
}

void run_broadcast(const LoopCall& call) {
  if (call.out.size > 0) Broadcast(call).run();
}

}  // namespace keen::detail::cpu
