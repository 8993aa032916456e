// Loops that convert contiguous elements to another dtype.
#pragma once
#include <cstdint>

#include "keen/dtype.h"

namespace keen::detail::cpu {

using ConvertLoop = void (*)(const void* from, void* to, std::int64_t n);

// Between real dtypes, compiled per instruction set; null for complex ones.
namespace sse2 {
ConvertLoop convert_loop(DType to, DType from) noexcept;
}
namespace avx2 {
ConvertLoop convert_loop(DType to, DType from) noexcept;
}
namespace avx512 {
ConvertLoop convert_loop(DType to, DType from) noexcept;
}

}  // namespace keen::detail::cpu
