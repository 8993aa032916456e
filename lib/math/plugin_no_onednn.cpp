// In the place of plugin_onednn.cpp when the plugin is built without oneDNN.
#include "math/plugin.h"

namespace keen::math {

void add_onednn(KeenMathLibrary&) {}

}  // namespace keen::math
