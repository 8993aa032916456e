// The entry of libkeen_math.so: fills the table once.
#include "math/plugin.h"

extern "C" [[gnu::visibility("default")]] const KeenMathLibrary* keen_math_library() {
  static const KeenMathLibrary table = [] {
    KeenMathLibrary t{};
    t.abi = KEEN_MATH_ABI;
    keen::math::add_blas(t);
    keen::math::add_onednn(t);
    return t;
  }();
  return &table;
}
