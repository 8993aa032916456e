// Log lines: a handler with levels. Warnings go to stderr by default; the library prints nothing else.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace keen {

enum class LogLevel : unsigned char { debug, info, warning, error, off };

/// Lines below this level are dropped. KEEN_LOG_LEVEL (debug, info, warning, error, off) sets it at the start.
void set_log_level(LogLevel level);
LogLevel log_level();
/// Where lines go; an empty handler restores stderr. Called from any thread, one line at a time; what it logs
/// itself goes to stderr.
void set_log_handler(std::function<void(LogLevel, std::string_view)> handler);
/// Hands a line to the handler.
void log(LogLevel level, std::string_view line);

}  // namespace keen
