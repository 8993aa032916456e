// The internal plugin behind which OpenBLAS and oneDNN hide, opened when first needed.
#pragma once
#include "math/math_library.h"

namespace keen::detail {

/// The functions of libkeen_math.so. It is looked for in KEEN_PLUGIN_PATH (a list of folders) where that is set, else
/// beside libkeen.so and in math/ below it (the build folder). Throws UsageError when it cannot be opened or belongs to
/// another version of Keen; the next call tries again. It is never closed.
const KeenMathLibrary& math_library();

/// The BLAS runs on the thread that calls it while this lives; other users' thread setting is put back.
class SerialBlas {
 public:
  explicit SerialBlas(const KeenMathLibrary& library) : library_(library) { library_.enter_serial(); }
  ~SerialBlas() { library_.leave_serial(); }
  SerialBlas(const SerialBlas&) = delete;
  SerialBlas& operator=(const SerialBlas&) = delete;

 private:
  const KeenMathLibrary& library_;
};

}  // namespace keen::detail
