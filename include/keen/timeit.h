// timeit: how long a piece of code takes, the device's work included.
#pragma once
#include <concepts>

namespace keen {

namespace detail {
/// Seconds on a steady clock, read once every device has done what was asked of it.
double seconds_when_idle();
[[noreturn]] void throw_no_repeats(int repeats);
}  // namespace detail

/// Runs f `repeats` times and gives the mean in seconds; devices are synchronised before and after. Run it once as a
/// warm-up where the first call costs more.
template <std::invocable F>
double timeit(F&& f, int repeats = 1) {
  if (repeats < 1) detail::throw_no_repeats(repeats);
  const double start = detail::seconds_when_idle();
  for (int i = 0; i < repeats; ++i) f();
  return (detail::seconds_when_idle() - start) / repeats;
}

}  // namespace keen
