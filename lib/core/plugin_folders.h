// Where libkeen's plugins are looked for.
#pragma once
#include <string>
#include <vector>

namespace keen::detail {

/// The folders KEEN_PLUGIN_PATH names (with ':' between them), else libkeen's own, its `keen`, and `room` where a build
/// tree has it.
std::vector<std::string> plugin_folders(const char* room);

}  // namespace keen::detail
