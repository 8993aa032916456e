#include "random/draw_log.h"

#include <algorithm>

#include "core/context.h"

namespace keen::detail {
namespace {

constinit KEEN_THREAD_LOCAL DrawLog* current = nullptr;

}  // namespace

DrawLog::DrawLog() noexcept : outer_(current) { current = this; }

DrawLog::~DrawLog() {
  current = outer_;
  if (kept_) return;
  first_.give_back();
  for (const Stretch& stretch : more_) stretch.give_back();
}

void DrawLog::note(const std::shared_ptr<GeneratorState>& state, std::uint64_t position, std::uint64_t blocks) {
  for (DrawLog* log = current; log; log = log->outer_) log->add(state, position, blocks);
}

void DrawLog::add(const std::shared_ptr<GeneratorState>& state, std::uint64_t position, std::uint64_t blocks) {
  if (!first_.state) first_ = {state, position, position};
  if (first_.state == state) return first_.add(position, blocks);
  const auto found = std::find_if(more_.begin(), more_.end(), [&](const Stretch& s) { return s.state == state; });
  if (found != more_.end()) found->add(position, blocks);
  else more_.push_back({state, position, position + blocks});
}

void DrawLog::Stretch::add(std::uint64_t position, std::uint64_t blocks) noexcept {
  if (position != end) begin = position;  // someone else has drawn meanwhile
  end = position + blocks;
}

void DrawLog::Stretch::give_back() const noexcept {
  if (state) detail::give_back(*state, begin, end - begin);
}

}  // namespace keen::detail
