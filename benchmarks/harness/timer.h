// Timing: how long one call takes, as the median of repeated blocks after a warm-up.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace bench {

/// Tells the compiler that `value` is used and that memory may have changed.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/// How much time a measurement may take.
struct Timer {
  double warm_up = 0.05;  ///< seconds
  double block = 0.015;   ///< seconds that one block of calls lasts at the least
  int blocks = 11;        ///< wanted; never fewer than three
  double budget = 1.0;    ///< seconds for all blocks

  /// Nanoseconds, microseconds of one call of f.
  template <class F>
  double ns(F&& f) const {
    return 1e9 * seconds(f);
  }
  template <class F>
  double us(F&& f) const {
    return 1e6 * seconds(f);
  }
  /// Nanoseconds of each of the `operations` in one call of f.
  template <class F>
  double ns_each(int operations, F&& f) const {
    return ns(f) / operations;
  }
  /// Calls in a second.
  template <class F>
  double rate(F&& f) const {
    return 1 / seconds(f);
  }
  template <class F>
  double seconds(F&& f) const {
    long calls = 1;
    double spent = 0;
    for (double taken = 0; spent < warm_up || taken < block;) {
      taken = run(f, calls);
      spent += taken;
      if (taken < block) calls = grow(calls, taken);
    }
    std::vector<double> samples;
    spent = 0;
    while (static_cast<int>(samples.size()) < blocks && (samples.size() < 3 || spent < budget)) {
      const double taken = run(f, calls);
      spent += taken;
      samples.push_back(taken / static_cast<double>(calls));
    }
    return median(samples);
  }

 private:
  using Clock = std::chrono::steady_clock;

  template <class F>
  static double run(F&& f, long calls) {
    const auto start = Clock::now();
    for (long i = 0; i < calls; ++i) f();
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  /// Aims a little above a block; at most tenfold, since the first calls are slower than the rest.
  long grow(long calls, double taken) const {
    const double factor = std::clamp(1.2 * block / std::max(taken, 1e-9), 1.0, 10.0);
    return static_cast<long>(std::ceil(static_cast<double>(calls) * factor)) + 1;
  }
};

}  // namespace bench
