#include "function/step_times.h"

#include <algorithm>
#include <atomic>

#include "keen/function/function.h"

namespace keen {
namespace detail {
namespace {

constinit std::atomic<bool> timed{false};

}  // namespace

bool times_steps() noexcept { return timed.load(std::memory_order_relaxed); }

void StepTimes::add(const std::vector<double>& seconds) {
  const std::lock_guard lock(mutex_);
  if (++runs_ == 2) sums_.clear();
  sums_.resize(seconds.size());
  for (std::size_t i = 0; i < seconds.size(); ++i) sums_[i] += seconds[i];
}

std::vector<double> StepTimes::mean() const {
  const std::lock_guard lock(mutex_);
  std::vector<double> mean = sums_;
  for (double& seconds : mean) seconds /= std::max(runs_ - 1, 1);
  return mean;
}

}  // namespace detail

void time_functions(bool on) { detail::timed = on; }

}  // namespace keen
