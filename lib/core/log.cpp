// The log handler and its level.
#include "keen/log.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

namespace keen {
namespace {

LogLevel level_from_environment() {
  const char* text = std::getenv("KEEN_LOG_LEVEL");
  const char* names[] = {"debug", "info", "warning", "error", "off"};
  for (int i = 0; text && i < 5; ++i)
    if (!std::strcmp(text, names[i])) return static_cast<LogLevel>(i);
  return LogLevel::warning;
}

struct Log {
  std::atomic<LogLevel> level{level_from_environment()};
  std::recursive_mutex mutex;  // a handler may log, and set another handler
  std::shared_ptr<const std::function<void(LogLevel, std::string_view)>> handler;
};

// Never destroyed: threads may log while the process ends.
Log& the_log() {
  static Log& log = *new Log;
  return log;
}

}  // namespace

void set_log_level(LogLevel level) { the_log().level = level; }
LogLevel log_level() { return the_log().level; }

void set_log_handler(std::function<void(LogLevel, std::string_view)> handler) {
  auto next =
      handler ? std::make_shared<const std::function<void(LogLevel, std::string_view)>>(std::move(handler)) : nullptr;
  Log& l = the_log();
  std::lock_guard lock(l.mutex);
  l.handler.swap(next);
}

void log(LogLevel level, std::string_view line) {
  Log& l = the_log();
  if (level < l.level || level == LogLevel::off) return;
  static constinit thread_local bool handling = false;
  std::lock_guard lock(l.mutex);
  if (const auto handler = l.handler; handler && !handling) {
    struct Scope {
      Scope() { handling = true; }
      ~Scope() { handling = false; }
    } scope;
    return (*handler)(level, line);
  }
  std::fprintf(stderr, "keen: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace keen
