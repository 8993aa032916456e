// Devices by name, the host's backend, and the search for a GPU.
#include "keen/device.h"

#include <atomic>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <ostream>

#include "core/allocator.h"
#include "core/backend.h"
#include "core/message.h"
#include "core/plugins.h"
#include "keen/error.h"

namespace keen {
namespace detail {
namespace {

class HostBackend final : public Backend {
 public:
  void* allocate(std::size_t bytes) override { return detail::allocate(bytes); }
  void deallocate(void* block, std::size_t bytes) noexcept override { detail::deallocate(block, bytes); }
  void copy_from_host(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void copy_to_host(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void synchronize() override {}
  MemoryStats stats() const override { return host_memory_stats(); }
  void empty_cache() override { empty_host_cache(); }
  void reset_peak() override { reset_host_peak(); }
  void run(KernelCall& call) override {
    if (!call.op.cpu) fail<DeviceError>(call.op.name, "has no kernel on cpu:0");
    call.op.cpu(call);
  }
};

}  // namespace

Backend& backend(Device device) {
  static HostBackend host;
  if (device.is_cpu()) {
    if (device.index != 0) fail<DeviceError>("device", device, " does not exist: there is one cpu, cpu:0");
    return host;
  }
  const auto& gpus = gpu_backends();
  if (device.index >= gpus.size())
    fail<DeviceError>(
        "device", device, " is not there: ", gpus.empty() ? why_no_gpu() : text("there are ", gpus.size(), " GPUs"),
        "; use cpu:0");
  return *gpus[device.index];
}

}  // namespace detail

Device::Device(std::string_view name) {
  std::string lower;
  for (char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view rest = lower;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.starts_with("device:")) rest.remove_prefix(7);
  auto colon = rest.find(':');
  std::string_view kind = rest.substr(0, colon);
  int number = 0;
  bool ok = kind == "cpu" || kind == "gpu" || kind == "cuda";
  if (colon != std::string_view::npos) {
    auto digits = rest.substr(colon + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    ok = ok && error == std::errc() && end == digits.data() + digits.size() && number >= 0 && number < 256;
  }
  if (!ok) detail::fail<DeviceError>("device", "'", name, "' is not a device name: write cpu:0, gpu:0 or gpu:1");
  type = kind == "cpu" ? DeviceType::cpu : DeviceType::gpu;
  index = static_cast<std::uint8_t>(number);
}

void Device::throw_bad_index(int index) { detail::fail<DeviceError>("device", "there is no device number ", index); }

std::string Device::to_string() const { return (is_cpu() ? "cpu:" : "gpu:") + std::to_string(index); }
std::ostream& operator<<(std::ostream& out, Device device) { return out << device.to_string(); }

int device_count(std::string_view type) {
  if (type == "cpu" || type == "CPU") return 1;
  if (type == "gpu" || type == "GPU" || type == "cuda") return static_cast<int>(detail::gpu_backends().size());
  detail::fail<DeviceError>("device_count", "'", type, "' is not a kind of device: cpu or gpu");
}

Device default_device() {
  static const Device device = [] {
    if (const char* name = std::getenv("KEEN_DEVICE")) {
      Device asked(name);
      detail::backend(asked);
      return asked;
    }
    return detail::gpu_backends().empty() ? Device() : Device(DeviceType::gpu);
  }();
  return device;
}

MemoryStats memory_stats(Device device) { return detail::backend(device).stats(); }
void empty_cache(Device device) { detail::backend(device).empty_cache(); }
void reset_peak_memory(Device device) { detail::backend(device).reset_peak(); }
void synchronize(Device device) { detail::backend(device).synchronize(); }

}  // namespace keen
