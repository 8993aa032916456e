#include "cpu/update_batch.h"

#include <algorithm>
#include <functional>

#include "core/parallel.h"
#include "core/tensor_impl.h"

namespace keen::detail::cpu {
namespace {

constinit thread_local UpdateBatch* current = nullptr;

/// The variables and slots of all updates.
std::vector<VariableState*> states_of(std::span<const DenseUpdate> updates) {
  std::vector<VariableState*> states;
  states.reserve(3 * updates.size());
  for (const auto& u : updates) states.insert(states.end(), u.states.begin(), u.states.begin() + u.state_count);
  return states;
}

/// Sorts the states as `lock_all` does.
bool names_one_twice(std::vector<VariableState*>& states) {
  std::sort(states.begin(), states.end(), std::less<>());
  return std::adjacent_find(states.begin(), states.end()) != states.end();
}

/// Elements worth another thread: an update streams through memory, which two threads share.
constexpr std::int64_t update_grain = 4 * elementwise_grain;

// The buffers of an update while they are written, and where its elements start among those of all updates.
struct Target {
  std::array<Tensor, 3> buffers;
  std::int64_t first;
};

void run_part(const DenseUpdate& update, const Target& target, std::int64_t begin, std::int64_t end) {
  std::array<char*, 3> p{};
  const auto size = static_cast<std::int64_t>(size_of(target.buffers[0].dtype()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(update.state_count); ++i)
    p[i] = target.buffers[i].impl()->as<char>() + begin * size;
  update.loop(update.factors, p.data(), update.gradient + begin * size, end - begin);
}

}  // namespace

void run_updates(std::span<const DenseUpdate> updates) {
  auto states = states_of(updates);
  if (updates.size() > 1 && names_one_twice(states)) {
    for (const auto& update : updates) run_updates({&update, 1});
    return;
  }
  const auto locks = lock_all(states);
  std::vector<Target> targets(updates.size());
  std::int64_t total = 0;
  for (std::size_t u = 0; u < updates.size(); ++u) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(updates[u].state_count); ++i)
      targets[u].buffers[i] = writable(*updates[u].states[i], true);
    targets[u].first = total;
    total += targets[u].buffers[0].impl()->size;
  }
  parallel_for(total, update_grain, [&](std::int64_t begin, std::int64_t end) {
    const auto behind = [](std::int64_t index, const Target& target) { return index < target.first; };
    auto u =
        static_cast<std::size_t>(std::upper_bound(targets.begin(), targets.end(), begin, behind) - targets.begin());
    for (--u; begin < end; ++u) {
      const std::int64_t last = u + 1 < targets.size() ? std::min(end, targets[u + 1].first) : end;
      if (last > begin) run_part(updates[u], targets[u], begin - targets[u].first, last - targets[u].first);
      begin = std::max(begin, last);
    }
  });
  for (std::size_t u = 0; u < updates.size(); ++u)
    for (std::size_t i = 0; i < static_cast<std::size_t>(updates[u].state_count); ++i)
      updates[u].states[i]->value = std::move(targets[u].buffers[i]);
}

UpdateBatch::UpdateBatch() noexcept : outer_(current) { current = this; }
UpdateBatch::~UpdateBatch() { current = outer_; }

void UpdateBatch::run() {
  const auto ready = std::move(updates_);
  updates_.clear();
  if (!ready.empty()) run_updates(ready);
}

void UpdateBatch::take(DenseUpdate update) {
  if (!current) return run_updates({&update, 1});
  if (current->updates_.empty()) current->updates_.reserve(64);
  current->updates_.push_back(std::move(update));
}

}  // namespace keen::detail::cpu
