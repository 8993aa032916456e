// StepTimes: how long the steps of a plan take, where functions are timed.
#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

namespace keen::detail {

/// time_functions(true).
bool times_steps() noexcept;

class StepTimes {
 public:
  /// Adds one run. The first one opens libraries and meets cold memory: it counts only until there is a second.
  void add(const std::vector<double>& seconds);
  /// Mean seconds of each step; empty before the first timed run.
  std::vector<double> mean() const;

 private:
  mutable std::mutex mutex_;
  std::vector<double> sums_;
  int runs_ = 0;  // the first included
};

/// "     12.30 us  ", or "" where there are no times.
std::string time_of(const std::vector<double>& seconds, std::size_t step);

/// Measures the steps of one run, in order; a run that ends early counts nothing.
class StepClock {
 public:
  template <class Run>
  void time(Run&& run) {
    const auto start = Clock::now();
    run();
    seconds_.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  const std::vector<double>& seconds() const noexcept { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds_;
};

}  // namespace keen::detail
