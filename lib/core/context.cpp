// The thread's context, identities and device scopes.
#include "core/context.h"

#include <atomic>

#include "core/backend.h"

namespace keen {
namespace detail {

constinit KEEN_THREAD_LOCAL ThreadContext thread_context;

void refill_ids(ThreadContext& context) noexcept {
  static constinit std::atomic<std::uint64_t> next{1};
  constexpr std::uint64_t block = 1u << 20;
  context.next_id = next.fetch_add(block, std::memory_order_relaxed);
  context.end_id = context.next_id + block;
}

Device current_device() { return thread_context.has_device ? thread_context.device : default_device(); }

}  // namespace detail

DeviceScope::DeviceScope(Device device) {
  detail::backend(device);  // throws for a device that is not there
  auto& c = detail::thread_context;
  previous_ = c.device;
  had_previous_ = c.has_device;
  c.device = device;
  c.has_device = true;
}

DeviceScope::~DeviceScope() {
  auto& c = detail::thread_context;
  c.device = previous_;
  c.has_device = had_previous_;
}

}  // namespace keen
