// Inside libkeen_math.so: each library's part of the table.
#pragma once
#include "math/math_library.h"

namespace keen::math {

void add_blas(KeenMathLibrary& table);
/// Leaves the table as it is when the plugin is built without oneDNN.
void add_onednn(KeenMathLibrary& table);

}  // namespace keen::math
