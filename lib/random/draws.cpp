#include "random/draws.h"

#include <utility>

namespace keen::detail {
namespace {

constinit thread_local DrawScope* current = nullptr;

}  // namespace

DrawScope::DrawScope(Kept kept, Mode mode) noexcept : kept_(std::move(kept)), mode_(mode), outer_(current) {
  current = this;
}
DrawScope::~DrawScope() { current = outer_; }

DrawsAside::DrawsAside() noexcept : hidden_(std::exchange(current, nullptr)) {}
DrawsAside::~DrawsAside() { current = hidden_; }

Tensor DrawScope::repeated(const Shape& shape, DType dtype) {
  DrawScope* scope = current;
  while (scope && scope->mode_ != Mode::repeat) scope = scope->outer_;
  if (!scope || scope->next_ >= scope->kept_->size()) return {};
  const Tensor& kept = (*scope->kept_)[scope->next_];
  if (kept.dtype() != dtype || kept.shape() != shape) return {};  // the work took another way
  ++scope->next_;
  return kept;
}

void DrawScope::note(const Tensor& drawn) {
  for (DrawScope* scope = current; scope; scope = scope->outer_)
    if (scope->mode_ == Mode::keep) scope->kept_->push_back(drawn);
}

}  // namespace keen::detail
