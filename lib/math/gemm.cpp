// How products are cut into tiles, and which library computes them.
#include "math/gemm.h"

#include <algorithm>

#include "core/parallel.h"

namespace keen::detail {
namespace {

using std::int64_t;

constexpr int64_t small = int64_t{1} << 18;     // multiply-adds that OpenBLAS never gives to its own threads
constexpr int64_t smallest = int64_t{1} << 17;  // fewer are not worth a second thread
constexpr int64_t medium = int64_t{1} << 22;
constexpr int64_t large = int64_t{1} << 27;

/// Cuts a side of `n` into equal pieces of about `wanted`, or of at most that; 16 floats fill a register.
int64_t piece(int64_t n, int64_t wanted, bool at_most) {
  const int64_t pieces = std::max<int64_t>(1, (n + (at_most ? wanted - 1 : wanted / 2)) / wanted);
  return std::min(n, ((n + pieces - 1) / pieces + 15) / 16 * 16);
}

/// About the size of a tile.
struct Cut {
  int64_t m, n;
};

/// Tiles for kernels that read their operands in place: at most `small`, at least 16 rows, about 64 columns.
Cut cut_small(const KeenGemm& g, int64_t work) {
  const int64_t area = std::min(small, std::max(smallest, work / 2)) / g.k;
  const int64_t rows = std::min(g.m, std::max<int64_t>(16, area / 64 / 16 * 16));
  return {rows, std::max<int64_t>(16, area / rows / 16 * 16)};
}

/// Measured on Zen 4 (AVX-512), GFLOP/s of one thread of 117 possible. OpenBLAS's kernels for small products reach
/// 110-117 while k is up to about 300; where B is transposed 98, but oneDNN, on fewer than 128 rows, 40-75. oneDNN on
/// 128 x 128: 115 at k = 256...800; on 256 x 512 and up: 109 at k = 1024, where 128 x 128 gives 104; with B transposed
/// it wants tall tiles.
bool is_small(const KeenMathLibrary& library, const KeenGemm& g, int64_t work) {
  if (work <= smallest) return true;
  if (!library.fast_small_gemm || work > medium) return false;
  return g.transpose_b ? g.m < 128 && g.k <= 1024 : g.k <= 320;
}

Cut cut_single(const KeenMathLibrary& library, const KeenGemm& g, int64_t work) {
  if (!library.sgemm_large) return {256, 2048};
  if (work <= large) return {128, 128};
  if (g.transpose_b) return {1024, 256};
  return {g.k < 1536 ? 256 : 512, 512};
}

Cut cut_double(const KeenMathLibrary&, const KeenGemm&, int64_t work) {
  return work <= large ? Cut{64, 256} : Cut{192, 1024};
}

}  // namespace

TiledGemm::TiledGemm(DType dtype, const KeenGemm& whole)
    : library_(math_library()), whole_(whole), size_(static_cast<int64_t>(size_of(dtype))) {
  const bool single = dtype == DType::float32;
  const int64_t work = whole.m * whole.n * whole.k;
  const bool in_place = is_small(library_, whole, work);
  // A sum of few products is over before another thread has fetched what it needs.
  const bool one = work <= smallest || (whole.k < 16 && work <= medium);
  const Cut cut = one        ? Cut{whole.m, whole.n}
                  : in_place ? cut_small(whole, work)
                             : (single ? cut_single : cut_double)(library_, whole, work);
  tile_m_ = piece(whole.m, cut.m, in_place);
  tile_n_ = piece(whole.n, cut.n, in_place);
  if (!one && tile_m_ == whole.m && tile_n_ == whole.n) {
    int64_t& side = whole.m >= whole.n ? tile_m_ : tile_n_;
    side = piece(side, (side + 1) / 2, false);
  }
  down_ = (whole.m + tile_m_ - 1) / tile_m_;
  across_ = (whole.n + tile_n_ - 1) / tile_n_;
  const bool fits_small = tile_m_ * tile_n_ * whole.k <= small;
  const bool onednn = single && library_.sgemm_large && !(in_place && fits_small);
  multiply_ = onednn ? library_.sgemm_large : single ? library_.sgemm_small : library_.dgemm;
  needs_scope_ = !onednn && !fits_small;
}

int64_t TiledGemm::grain() const noexcept {
  return std::max<int64_t>(1, smallest / std::max<int64_t>(1, tile_m_ * tile_n_ * whole_.k));
}

cpu::Part TiledGemm::part(int64_t tile) const noexcept {
  // Down the columns: neighbouring tiles share their part of B.
  const int64_t i = tile % down_ * tile_m_, j = tile / down_ * tile_n_;
  return {i, std::min(tile_m_, whole_.m - i), j, std::min(tile_n_, whole_.n - j)};
}

void TiledGemm::run(int64_t tile, int64_t a_offset, int64_t b_offset, int64_t c_offset) const {
  const auto [i, rows, j, columns] = part(tile);
  KeenGemm g = whole_;
  g.m = rows;
  g.n = columns;
  g.a = static_cast<const char*>(whole_.a) + (a_offset + (whole_.transpose_a ? i : i * whole_.lda)) * size_;
  g.b = static_cast<const char*>(whole_.b) + (b_offset + (whole_.transpose_b ? j * whole_.ldb : j)) * size_;
  g.c = static_cast<char*>(whole_.c) + (c_offset + i * whole_.ldc + j) * size_;
  multiply_(&g);
}

void TiledGemm::run_all(const cpu::Tail* tail) const {
  auto all = [&] {
    parallel_for(tiles(), grain(), [&](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile) {
        run(tile);
        if (tail) tail->run(part(tile));
      }
    });
  };
  if (!needs_scope_) return all();
  SerialBlas scope(library_);
  all();
}

}  // namespace keen::detail
