#include "cpu/tail.h"

#include "core/parallel.h"

namespace keen::detail::cpu {
namespace {

constinit thread_local Tail* waiting = nullptr;

}  // namespace

Tail::Tail(Cuts cuts) noexcept : cuts_(cuts), outer_(waiting) { waiting = this; }
Tail::~Tail() { waiting = outer_; }

const Tail* Tail::take(Cuts cuts, std::int64_t parts, std::int64_t elements) noexcept {
  Tail* tail = waiting;
  if (!tail || tail->taken_ || (parts == 1 && elements > elementwise_grain)) return nullptr;
  const Cuts& at = tail->cuts_;
  if (at.rows == 0 || cuts.rows % at.rows != 0 || (cuts.columns && !at.columns)) return nullptr;
  tail->taken_ = true;
  return tail;
}

}  // namespace keen::detail::cpu
