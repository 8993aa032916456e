// The version of the library, from the build.
#include "keen/version.h"

#include "keen_version.h"

namespace keen {

std::string version() { return KEEN_VERSION; }

}  // namespace keen
