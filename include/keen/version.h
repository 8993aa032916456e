// The version of the library.
#pragma once
#include <string>

namespace keen {

/// "major.minor.patch" of the library that is linked.
std::string version();

}  // namespace keen
