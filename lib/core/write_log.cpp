#include "core/write_log.h"

#include <algorithm>

namespace keen::detail {
namespace {

constinit thread_local WriteLog* current = nullptr;

}  // namespace

WriteLog::WriteLog() noexcept : outer_(current) { current = this; }

WriteLog::~WriteLog() {
  current = outer_;
  for (Before& before : before_) {
    std::lock_guard lock(before.variable->mutex);
    std::swap(before.variable->value, before.value);
  }
}

void WriteLog::note(VariableState& variable) {
  for (WriteLog* log = current; log; log = log->outer_) {
    const auto is_noted = [&](const Before& before) { return before.variable.get() == &variable; };
    if (std::none_of(log->before_.begin(), log->before_.end(), is_noted))
      log->before_.push_back({variable.shared_from_this(), variable.value});
  }
}

}  // namespace keen::detail
