// Draws that are kept, so that work which is done again draws the same.
#pragma once
#include <memory>
#include <vector>

#include "keen/tensor.h"

namespace keen::detail {

/// While one lives, what this thread draws from shared streams is kept, or what was kept is given again, in its order.
/// Draws with a seed of their own repeat anyway.
class DrawScope {
 public:
  using Kept = std::shared_ptr<std::vector<Tensor>>;
  enum class Mode { keep, repeat };
  DrawScope(Kept kept, Mode mode) noexcept;
  ~DrawScope();
  DrawScope(const DrawScope&) = delete;
  DrawScope& operator=(const DrawScope&) = delete;

  /// What the draw at hand gave before; undefined where it is to be made.
  static Tensor repeated(const Shape& shape, DType dtype);
  static void note(const Tensor& drawn);

 private:
  Kept kept_;
  Mode mode_;
  std::size_t next_ = 0;
  DrawScope* outer_;
};

/// While one lives, draws concern no scope around it: what is not part of the work that such a scope keeps.
class DrawsAside {
 public:
  DrawsAside() noexcept;
  ~DrawsAside();
  DrawsAside(const DrawsAside&) = delete;
  DrawsAside& operator=(const DrawsAside&) = delete;

 private:
  DrawScope* hidden_;
};

}  // namespace keen::detail
