// Matrix products in tiles for the thread pool.
#pragma once
#include "cpu/tail.h"
#include "keen/dtype.h"
#include "math/loader.h"

namespace keen::detail {

/// A product of two float32 or float64 matrices, cut into tiles by its shape alone: whoever computes a tile, and with
/// how many threads around, its bits are the same.
class TiledGemm {
 public:
  TiledGemm(DType dtype, const KeenGemm& whole);

  std::int64_t tiles() const noexcept { return down_ * across_; }
  /// Tiles that a task should take together.
  std::int64_t grain() const noexcept;
  /// Computes one tile of the product whose matrices lie these distances (elements) behind those of `whole`.
  void run(std::int64_t tile, std::int64_t a_offset = 0, std::int64_t b_offset = 0, std::int64_t c_offset = 0) const;
  /// The whole product, on the pool, each tile followed by `tail`.
  void run_all(const cpu::Tail* tail) const;
  /// What one tile computes, and what all of them cut.
  cpu::Part part(std::int64_t tile) const noexcept;
  cpu::Cuts cuts() const noexcept { return {tile_m_, across_ > 1}; }
  /// True when tiles must run inside a SerialBlas.
  bool needs_scope() const noexcept { return needs_scope_; }
  const KeenMathLibrary& library() const noexcept { return library_; }

 private:
  const KeenMathLibrary& library_;
  KeenGemm whole_;
  void (*multiply_)(const KeenGemm*);
  std::int64_t size_;           // of an element
  std::int64_t down_, across_;  // tiles along m and along n
  std::int64_t tile_m_, tile_n_;
  bool needs_scope_ = false;
};

}  // namespace keen::detail
