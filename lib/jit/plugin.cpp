// The plugin's one exported symbol: its table. No exception crosses it.
#include "jit/plugin.h"

#include <exception>
#include <string>
#include <string_view>

#include "jit/compiler.h"

namespace keen::detail::fusion {
namespace {

template <std::string (*make)(const Kernel&, Isa)>
void answer(const void* content, std::size_t bytes, Isa isa, const JitSink* sink) {
  try {
    const auto kernel = Kernel::from_content(std::string_view(static_cast<const char*>(content), bytes));
    const std::string result = make(kernel, isa);
    sink->done(sink->state, result.data(), result.size());
  } catch (const std::exception& error) {
    sink->failed(sink->state, error.what());
  }
}

constexpr JitTable table{jit_abi, answer<compile>, answer<print_ir>};

}  // namespace
}  // namespace keen::detail::fusion

extern "C" [[gnu::visibility("default")]] const keen::detail::fusion::JitTable* keen_jit_plugin() {
  return &keen::detail::fusion::table;
}
