// How products are cut into tiles, and which library computes them.
#include "math/gemm.h"

#include <algorithm>

#include "core/parallel.h"

namespace keen::detail {
namespace {

using std::int64_t;

constexpr int64_t small = int64_t{1} << 18;    // multiply-adds that OpenBLAS never gives to its own threads
constexpr int64_t smallest = int64_t{1} << 17;  // less is not worth a second thread
constexpr int64_t medium = int64_t{1} << 22;
constexpr int64_t large = int64_t{1} << 27;

/// The number of tiles along a side of `n` when about `wanted` is best; 16 numbers are a register of AVX-512.
int64_t pieces(int64_t n, int64_t wanted) { return std::max<int64_t>(1, (n + wanted / 2) / wanted); }
int64_t piece(int64_t n, int64_t pieces) { return std::min(n, ((n + pieces - 1) / pieces + 15) / 16 * 16); }

struct Cut {
  int64_t m, n;  // of a tile, about
  bool packed;   // by the library that packs its operands first
};

/// Measured on Zen 4 (AVX-512), GFLOP/s of one thread of 117 possible. Tiles of at most 2^18 multiply-adds through
/// OpenBLAS's kernels for small products: 110-117 with k up to 512, whatever is transposed. oneDNN on 128 x 128: 115
/// at k = 256...800; on 256 x 512 and up: 109 at k = 1024, where 128 x 128 gives 104 and less when transposed.
Cut cut_single(const KeenMathLibrary& library, int64_t m, int64_t n, int64_t k) {
  const int64_t work = m * n * k;
  if (work <= smallest) return {m, n, false};
  if (library.fast_small_gemm && (work <= 2 * small || (work <= medium && k <= 512))) {
    // As wide as two thirds of a kilobyte where the shape lets it, at least 16 x 32.
    const int64_t area = std::min(small, std::max(smallest, work / 2)) / k;
    const int64_t width = std::min<int64_t>(n, area >= 64 * 64 ? 64 : 32);
    return {std::max<int64_t>(16, area / width), width, false};
  }
  if (!library.sgemm_large) return {256, 2048, true};
  if (work <= large) return {128, 128, true};
  return {k < 1536 ? 256 : 512, 512, true};
}

Cut cut_double(const KeenMathLibrary& library, int64_t m, int64_t n, int64_t k) {
  const int64_t work = m * n * k;
  if (work <= smallest) return {m, n, false};
  if (library.fast_small_gemm && k <= 256 && work <= medium) {
    const int64_t area = std::min(small, std::max(smallest, work / 2)) / k;
    const int64_t width = std::min<int64_t>(n, 32);
    return {std::max<int64_t>(16, area / width), width, false};
  }
  return work <= large ? Cut{64, 256, true} : Cut{192, 1024, true};
}

}  // namespace

TiledGemm::TiledGemm(DType dtype, const KeenGemm& whole)
    : library_(math_library()), whole_(whole), size_(static_cast<int64_t>(size_of(dtype))) {
  const bool single = dtype == DType::float32;
  const Cut cut = (single ? cut_single : cut_double)(library_, whole.m, whole.n, whole.k);
  down_ = pieces(whole.m, cut.m);
  across_ = pieces(whole.n, cut.n);
  tile_m_ = piece(whole.m, down_);
  tile_n_ = piece(whole.n, across_);
  down_ = (whole.m + tile_m_ - 1) / tile_m_;
  across_ = (whole.n + tile_n_ - 1) / tile_n_;
  const bool onednn = single && library_.sgemm_large && (cut.packed || tile_m_ * tile_n_ * whole.k > small);
  multiply_ = onednn ? library_.sgemm_large : single ? library_.sgemm_small : library_.dgemm;
  needs_scope_ = !onednn && tile_m_ * tile_n_ * whole.k > small;
}

int64_t TiledGemm::grain() const noexcept {
  return std::max<int64_t>(1, smallest / std::max<int64_t>(1, tile_m_ * tile_n_ * whole_.k));
}

void TiledGemm::run(int64_t tile, int64_t a_offset, int64_t b_offset, int64_t c_offset) const {
  // Down the columns: neighbouring tiles share their part of B.
  const int64_t i = tile % down_ * tile_m_, j = tile / down_ * tile_n_;
  KeenGemm g = whole_;
  g.m = std::min(tile_m_, whole_.m - i);
  g.n = std::min(tile_n_, whole_.n - j);
  g.a = static_cast<const char*>(whole_.a) + (a_offset + (whole_.transpose_a ? i : i * whole_.lda)) * size_;
  g.b = static_cast<const char*>(whole_.b) + (b_offset + (whole_.transpose_b ? j * whole_.ldb : j)) * size_;
  g.c = static_cast<char*>(whole_.c) + (c_offset + i * whole_.ldc + j) * size_;
  multiply_(&g);
}

void TiledGemm::run_all() const {
  auto all = [this] {
    if (tiles() == 1) return run(0);
    parallel_for(tiles(), grain(), [this](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile) run(tile);
    });
  };
  if (!needs_scope_) return all();
  SerialBlas scope(library_);
  all();
}

}  // namespace keen::detail
