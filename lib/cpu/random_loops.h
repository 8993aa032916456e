// The loops that draw random numbers, compiled once per instruction set.
#pragma once
#include <cstdint>

namespace keen::detail::cpu {

/// Where a stretch of a stream begins: block `position` of the stream `key`.
struct StreamPlace {
  std::uint64_t key, position;
};
/// Draws n numbers with the distribution's two parameters.
using DrawLoop = void (*)(void* out, std::int64_t n, StreamPlace place, double a, double b);

struct RandomLoops {
  void (*bits)(std::uint64_t* out, std::int64_t blocks, StreamPlace place);  // two values a block
  DrawLoop uniform[2], normal[2], truncated_normal[2];                       // float32, float64
};

namespace sse2 {
extern const RandomLoops random_loops;
}
namespace avx2 {
extern const RandomLoops random_loops;
}
namespace avx512 {
extern const RandomLoops random_loops;
}

}  // namespace keen::detail::cpu
