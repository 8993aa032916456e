// What is logged while an object lives, for the tests of this room.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "keen/log.h"

namespace keen::test {

/// Collects log lines while it lives.
struct LogLines {
  LogLines() {
    set_log_handler([this](LogLevel, std::string_view line) { lines.emplace_back(line); });
  }
  ~LogLines() { set_log_handler({}); }
  std::vector<std::string> lines;
};

}  // namespace keen::test
