#include "fusion/jit_loader.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <future>
#include <mutex>
#include <unordered_map>

#include "core/message.h"
#include "core/plugin_folders.h"
#include "fusion/disk_cache.h"
#include "keen/error.h"
#include "keen/log.h"
#include "keen_version.h"

namespace keen::detail::fusion {
namespace {

// The plugin, once opened; it is never closed.
class Plugin {
 public:
  Plugin() {
    if (!jit_wanted()) {
      why_ = "KEEN_JIT=0 says so";
      return;
    }
    for (const auto& folder : plugin_folders("jit")) {
      void* library = dlopen((folder + "/libkeen_jit.so").c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
      if (library) {
        use(library);
        return;
      }
      why_ = dlerror();
    }
  }
  const JitTable* table() const noexcept { return table_; }
  const std::string& why() const noexcept { return why_; }

 private:
  void use(void* library) {
    using Entry = const JitTable* (*)();
    const auto entry = reinterpret_cast<Entry>(dlsym(library, jit_entry));
    const JitTable* table = entry ? entry() : nullptr;
    if (table && table->abi == jit_abi) {
      table_ = table;
      why_.clear();
    } else {
      why_ = "libkeen_jit.so belongs to another version of Keen";
    }
  }

  const JitTable* table_ = nullptr;
  std::string why_;
};

const Plugin& plugin() {
  static const Plugin& opened = *new Plugin;  // for ever: kernels may run while the process ends
  return opened;
}

struct Result {
  std::string bytes, error;
};

std::string ask(decltype(JitTable::compile) JitTable::*what, const std::string& content, Isa isa) {
  if (!jit_available()) fail<UsageError>("function", "kernels cannot be compiled: ", why_no_jit());
  Result result;
  const JitSink sink{
      &result,
      [](void* state, const void* bytes, std::size_t size) {
        static_cast<Result*>(state)->bytes.assign(static_cast<const char*>(bytes), size);
      },
      [](void* state, const char* why) { static_cast<Result*>(state)->error = why; }};
  (plugin().table()->*what)(content.data(), content.size(), isa, &sink);
  if (!result.error.empty()) throw InternalError(result.error);
  return std::move(result.bytes);
}

/// What code depends on besides the kernel: the processor's instruction set and the compiler, known by its plugin's file,
/// so that nothing needs to be opened. Empty without a plugin.
std::string find_compiler_identity() {
  for (const auto& folder : plugin_folders("jit")) {
    struct stat s {};
    if (stat((folder + "/libkeen_jit.so").c_str(), &s) != 0) continue;
    return text(
        "keen ", KEEN_VERSION, ", jit ", jit_abi, ", isa ", static_cast<int>(cpu::isa()), ", plugin ", s.st_size, ' ',
        s.st_mtim.tv_sec, '.', s.st_mtim.tv_nsec, '\n');
  }
  return {};
}

const std::string& compiler_identity() {
  static const std::string& identity = *new std::string(find_compiler_identity());
  return identity;
}

std::atomic<bool>& logs_kernels() {
  static std::atomic<bool> on{[] {
    const char* text = std::getenv("KEEN_LOG_KERNELS");
    return text && *text && std::string_view(text) != "0";
  }()};
  return on;
}

/// The line that was asked for by name passes whatever the level is; otherwise it is for debugging.
void log_kernel(const Kernel& kernel, const std::string& content, std::string_view how) {
  const bool wanted = logs_kernels().load(std::memory_order_relaxed);
  if (!wanted && log_level() > LogLevel::debug) return;
  const std::string path = disk_cache().path_of(compiler_identity() + content);
  log(wanted ? std::max(LogLevel::info, log_level()) : LogLevel::debug,
      text(
          "kernel ", path.substr(path.rfind('/') + 1, 12), ": ", kernel.nodes().size(), " nodes, ",
          kernel.inputs().size(), " in, ", kernel.stores().size(), " out: ", how));
}

/// Code from the disk, if there is an entry that can be mapped.
std::shared_ptr<const CompiledKernel> from_disk(const std::string& key) try {
  const auto object = disk_cache().find(key);
  if (!object) return nullptr;
  return std::make_shared<const CompiledKernel>(ObjectCode(*object, code_symbol));
} catch (const Error&) {
  return nullptr;
}

// Compiled kernels by content; the oldest go when there are too many.
class KernelCache {
 public:
  std::shared_ptr<const CompiledKernel> get(const Kernel& kernel) {
    const std::string content = kernel.content();
    Work own;
    std::shared_future<Made> other;
    {
      std::lock_guard lock(mutex_);
      const auto [place, is_first] = kernels_.try_emplace(content);
      if (is_first) {
        place->second = own.get_future().share();
        order_.push_back(&place->first);
      } else {
        ++stats_.hits;
        other = place->second;
      }
    }
    if (other.valid()) {
      Made made = other.get();  // waits for a thread that compiles it now
      log_kernel(kernel, content, "in memory");
      return made;
    }
    try {
      Made made = make(kernel, content);
      own.set_value(made);
      return made;
    } catch (...) {
      own.set_exception(std::current_exception());
      forget(content);  // the next one that asks may have more luck
      throw;
    }
  }
  JitStats stats() const {
    std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  using Made = std::shared_ptr<const CompiledKernel>;
  using Work = std::promise<Made>;

  /// Outside the lock: nobody waits for a kernel that is not theirs.
  Made make(const Kernel& kernel, const std::string& content) {
    const auto start = std::chrono::steady_clock::now();
    const std::string key = compiler_identity() + content;
    Made made = compiler_identity().empty() ? nullptr : from_disk(key);
    const bool is_from_disk = made != nullptr;
    if (!made) {
      const std::string object = ask(&JitTable::compile, content, cpu::isa());
      made = std::make_shared<const CompiledKernel>(ObjectCode(object, code_symbol));
      disk_cache().store(key, object);
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    log_kernel(kernel, content, text(is_from_disk ? "read from the disk in " : "compiled in ", took.count(), " ms"));
    std::lock_guard lock(mutex_);
    ++(is_from_disk ? stats_.disk_hits : stats_.compilations);
    stats_.milliseconds += took.count();
    if (order_.size() > most) {
      kernels_.erase(std::string(*order_.front()));
      order_.pop_front();
    }
    return made;
  }
  void forget(const std::string& content) {
    std::lock_guard lock(mutex_);
    std::erase_if(order_, [&](const std::string* known) { return *known == content; });
    kernels_.erase(content);
  }

  static constexpr std::size_t most = 4096;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_future<Made>> kernels_;  // there, or being compiled
  std::deque<const std::string*> order_;
  JitStats stats_;
};

KernelCache& kernel_cache() {
  static KernelCache& cache = *new KernelCache;
  return cache;
}

}  // namespace

bool jit_wanted() {
  static const bool wanted = [] {
    const char* text = std::getenv("KEEN_JIT");
    return !text || std::string_view(text) != "0";
  }();
  return wanted;
}

bool jit_available() { return plugin().table() != nullptr; }
const std::string& why_no_jit() { return plugin().why(); }

std::shared_ptr<const CompiledKernel> compiled(const Kernel& kernel) { return kernel_cache().get(kernel); }

std::shared_ptr<const CompiledKernel> compile_for(const Kernel& kernel, Isa isa) {
  return std::make_shared<const CompiledKernel>(
      ObjectCode(ask(&JitTable::compile, kernel.content(), isa), code_symbol));
}

std::string ir_text(const Kernel& kernel) { return ask(&JitTable::print, kernel.content(), cpu::isa()); }

void log_kernels(bool on) { logs_kernels() = on; }

JitStats jit_stats() { return kernel_cache().stats(); }

}  // namespace keen::detail::fusion
