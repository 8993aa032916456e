// Devices by name, the scope that selects one, and what is known about them.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace keen {

enum class DeviceType : std::uint8_t { cpu, gpu };

/// Where a tensor lives: `cpu:0`, `gpu:0`. Written as `cpu:0`, `CPU:0`, `/CPU:0`, `gpu:0`, `/gpu:0`, `cuda:0`; an
/// absent index is 0. A name that is none of these is a DeviceError.
struct Device {
  DeviceType type = DeviceType::cpu;
  std::uint8_t index = 0;

  constexpr Device() noexcept = default;
  constexpr Device(DeviceType t, int i = 0) : type(t), index(static_cast<std::uint8_t>(i)) {
    if (i != index) throw_bad_index(i);
  }
  Device(std::string_view name);
  Device(const char* name) : Device(name ? std::string_view(name) : std::string_view()) {}
  Device(const std::string& name) : Device(std::string_view(name)) {}

  bool is_cpu() const noexcept { return type == DeviceType::cpu; }
  bool is_gpu() const noexcept { return type == DeviceType::gpu; }
  std::string to_string() const;
  friend bool operator==(Device, Device) noexcept = default;

 private:
  [[noreturn]] static void throw_bad_index(int index);
};
std::ostream& operator<<(std::ostream& out, Device device);

/// How many devices of a type ("cpu" or "gpu") there are. Never throws for lack of a driver: it answers 0.
int device_count(std::string_view type);
/// Why there is no GPU, in one sentence; empty where there is one.
std::string why_no_gpu();
/// Where creators put tensors outside any scope: KEEN_DEVICE, else gpu:0 where there is one, else cpu:0.
Device default_device();

/// While it lives, this thread's operations run on `device`, and operands from elsewhere are copied there.
class [[nodiscard]] DeviceScope {
 public:
  explicit DeviceScope(Device device);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  Device previous_;
  bool had_previous_;
};

/// Prints `operation: device` to the log for each operation that runs. Turning it on lowers the log level to info where it
/// is higher, turning it off goes back to the level found.
void log_device_placement(bool on);

/// Bytes, for one device.
struct MemoryStats {
  std::int64_t in_use = 0;  ///< held by live tensors
  std::int64_t peak = 0;    ///< highest in_use since the start or reset_peak_memory; small blocks to 256 KiB a thread
  std::int64_t cached = 0;  ///< free, kept for reuse
  std::int64_t allocations = 0;  ///< requests since the start
};
MemoryStats memory_stats(Device device = {});
/// Gives cached memory back to the system.
void empty_cache(Device device = {});
void reset_peak_memory(Device device = {});
/// Waits until the device has done everything asked of it.
void synchronize(Device device = {});

/// Threads that kernels may use, the caller's included: 1 to 1024, else a UsageError. Results do not depend on it.
void set_num_threads(int threads);
int num_threads();

}  // namespace keen
