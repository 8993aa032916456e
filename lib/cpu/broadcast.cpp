// Elementwise work over any layout: whole rows where rows are contiguous, tiles staged in L1 where they are not.
#include "cpu/broadcast.h"

#include <algorithm>

#include "core/parallel.h"
#include "cpu/strided.h"

namespace keen::detail::cpu {
namespace {

constexpr int max_inputs = Space::max_inputs;
constexpr std::int64_t scratch_bytes = 16384;  // of an input
constexpr std::int64_t min_row = 64;           // shorter rows are not worth a call of the loop each

class Broadcast {
 public:
  explicit Broadcast(const LoopCall& call) : call_(call), space_(call.out.shape, call.in, call.inputs) {
    for (int i = 0; i < call.inputs; ++i) {
      bytes_[i] = static_cast<std::int64_t>(size_of(call.in[i]->dtype));
      widest_ = std::max(widest_, bytes_[i]);
      if (space_.column_stride(i) == 0) repeated_ |= 1u << i;
    }
    const std::int64_t elements = scratch_bytes / widest_;
    tile_rows_ = std::max<std::int64_t>(1, elements / space_.columns());
    for (int i = 0; i < call.inputs; ++i)
      if (transposed(i)) tile_rows_ = std::max(tile_rows_, panel_rows(widest_));
    tile_columns_ = std::min(space_.columns(), elements / tile_rows_);
  }

  void run() const {
    bool rows = space_.columns() >= min_row;
    for (int i = 0; i < call_.inputs; ++i) rows = rows && direct(i);
    if (rows) run_rows();
    else run_tiles();
  }

 private:
  struct Tile {
    const Cursor& cursor;
    std::int64_t row, rows, column, columns;
  };

  /// Contiguous along a row, or one element.
  bool direct(int i) const { return space_.column_stride(i) == 0 || space_.column_stride(i) == 1; }
  bool transposed(int i) const { return !direct(i) && space_.row_stride(i) == 1; }
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
  void run_tile(const Tile& tile, char (*scratch)[scratch_bytes], bool* filled) const;
  void stage(int i, const Tile& tile, char* scratch) const;

  const LoopCall& call_;
  Space space_;
  std::int64_t bytes_[max_inputs] = {};
  std::int64_t widest_ = 1;
  unsigned repeated_ = 0;
  // A tile is several whole rows, or a part of one; where an input is transposed, parts of as many rows as a few
  // cache lines of it hold.
  std::int64_t tile_rows_, tile_columns_;
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

/// Short, strided or transposed rows: tiles of them are gathered into scratch.
void Broadcast::run_tiles() const {
  const std::int64_t columns = space_.columns();
  const std::int64_t grain = std::max<std::int64_t>(1, elementwise_grain / columns / tile_rows_) * tile_rows_;
  parallel_for(call_.out.size / columns, grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) char scratch[max_inputs][scratch_bytes];
    bool filled[max_inputs] = {};
    Cursor cursor(space_, begin);
    while (begin < end) {
      const std::int64_t rows = std::min({tile_rows_, end - begin, cursor.rows_left()});
      for (std::int64_t column = 0; column < columns; column += tile_columns_)
        run_tile({cursor, begin, rows, column, std::min(tile_columns_, columns - column)}, scratch, filled);
      begin += rows;
      cursor.advance(rows);
    }
  });
}

void Broadcast::stage(int i, const Tile& tile, char* scratch) const {
  const std::int64_t step = space_.column_stride(i);
  const char* from = at(i, tile.cursor.offset(i) + tile.column * step);
  const auto size = static_cast<std::size_t>(bytes_[i]);
  if (transposed(i)) return transpose_block(scratch, tile.columns, from, step, tile.rows, tile.columns, size);
  // The same in every row: then for tiles of any number of rows.
  const std::int64_t rows = periodic(i) ? tile_rows_ : tile.rows;
  gather(scratch, from, rows, space_.row_stride(i), tile.columns, step, size);
}

void Broadcast::run_tile(const Tile& tile, char (*scratch)[scratch_bytes], bool* filled) const {
  const bool whole_rows = tile.columns == space_.columns();
  const void* in[max_inputs];
  std::int64_t row_bytes[max_inputs];  // from one row to the next, where the loop runs row by row
  for (int i = 0; i < call_.inputs; ++i) {
    const std::int64_t step = space_.column_stride(i), next_row = space_.row_stride(i);
    const bool gapless = step == 1 && (tile.rows == 1 || (whole_rows && next_row == tile.columns));
    const bool in_place = gapless || (!whole_rows && direct(i));
    row_bytes[i] = (in_place ? next_row : tile.columns) * bytes_[i];
    in[i] = in_place ? at(i, tile.cursor.offset(i) + tile.column * step) : scratch[i];
    if (in_place || filled[i]) continue;
    filled[i] = whole_rows && periodic(i);
    stage(i, tile, scratch[i]);
  }
  const std::int64_t index = tile.row * space_.columns() + tile.column;
  if (whole_rows) return call_.loop(in, 0, out_at(index), tile.rows * tile.columns);
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    call_.loop(in, repeated_, out_at(index + r * space_.columns()), tile.columns);
    for (int i = 0; i < call_.inputs; ++i) in[i] = static_cast<const char*>(in[i]) + row_bytes[i];
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
    call.loop(
        in, repeated, call.out.as<char>() + begin * static_cast<std::int64_t>(size_of(call.out.dtype)), end - begin);
  });
}

void run_broadcast(const LoopCall& call) {
  if (call.out.size > 0) Broadcast(call).run();
}

}  // namespace keen::detail::cpu
