// Integer indices as kernels use them: int64, checked before anything is written.
#pragma once
#include <optional>
#include <string>

#include "cpu/layout.h"

namespace keen::detail::cpu {

/// The elements of an integer tensor, each in [0, size). With `from_end`, negative ones count from the end.
class Positions {
 public:
  Positions(const TensorImpl& indices, std::int64_t size, bool from_end);
  /// The place of the first index that is out of range; -1 where all are good.
  std::int64_t bad() const noexcept { return bad_; }
  /// That index as it was given.
  std::string bad_value() const;
  /// Throws the IndexError of an operation along an axis where an index is out of range.
  void check(const char* operation, int axis) const;
  const std::int64_t* data() const noexcept { return places_; }
  std::int64_t operator[](std::int64_t i) const noexcept { return data()[i]; }

 private:
  Contiguous given_;
  DType dtype_;
  std::int64_t size_;
  const std::int64_t* places_;  // the given ones where they are good as they stand, else in scratch_
  std::optional<Scratch> scratch_;
  std::int64_t bad_ = -1;
};

}  // namespace keen::detail::cpu
