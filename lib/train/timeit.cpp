// The clock behind timeit.
#include "keen/timeit.h"

#include <chrono>

#include "core/message.h"
#include "keen/device.h"
#include "keen/error.h"

namespace keen::detail {

double seconds_when_idle() {
  const int gpus = device_count("gpu");
  for (int i = 0; i < gpus; ++i) synchronize(Device(DeviceType::gpu, i));
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void throw_no_repeats(int repeats) { fail<UsageError>("timeit", repeats, " repeats: wants at least 1"); }

}  // namespace keen::detail
