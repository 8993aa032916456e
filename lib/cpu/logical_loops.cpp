// Is any, is every element true (≠ 0)? Compiled once per instruction set.
#include "cpu/reduce_blocks.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

/// Over the bits of elements: a floating number is zero when nothing but its sign is set.
template <class Bits, bool floating, bool all>
struct Logical {
  static constexpr int width = register_bytes / sizeof(Bits);
  static constexpr std::int64_t block = 2048;

  /// Lanes that decide: nonzero where an element is true (any) or false (all).
  template <class V>
  [[gnu::always_inline]] static V deciding(V x) {
    if constexpr (floating) x = x << 1;
    if constexpr (all) return x == 0 ? V{} + 1 : V{};
    else return x;
  }

  static bool row(const Bits* x, std::int64_t n) {
    std::int64_t i = 0;
    while (i + width <= n) {  // a block at a time, then look whether it is decided
      typename Vector<Bits, width>::type seen{};
      const std::int64_t end = n - i < block ? n : i + block;
      for (; i + width <= end; i += width) seen |= deciding(load<Bits, width>(x + i));
      Bits lane[width], found = 0;
      store(lane, seen);
      for (Bits l : lane) found |= l;
      if (found) return !all;
    }
    for (; i < n; ++i)
      if (deciding<Bits>(x[i])) return !all;
    return all;
  }

  static void rows(void* out, const void* x, std::int64_t row_stride, std::int64_t rows, std::int64_t n) {
    for (std::int64_t i = 0; i < rows; ++i)
      static_cast<bool*>(out)[i] = row(static_cast<const Bits*>(x) + i * row_stride, n);
  }

  static void columns(void* out, const void* x, std::int64_t row_stride, std::int64_t rows, std::int64_t n) {
    auto* to = static_cast<std::uint8_t*>(out);
    auto* from = static_cast<const Bits*>(x);
    for (std::int64_t j = 0; j < n; ++j) to[j] = all;
    for (std::int64_t r = 0; r < rows; ++r, from += row_stride)
      for (std::int64_t j = 0; j < n; ++j) {
        const bool decided = deciding<Bits>(from[j]) != 0;
        to[j] = all ? to[j] & !decided : to[j] | decided;
      }
  }

  static void combine(void* to, const void* more, std::int64_t n) {
    auto* a = static_cast<std::uint8_t*>(to);
    auto* b = static_cast<const std::uint8_t*>(more);
    for (std::int64_t j = 0; j < n; ++j) a[j] = all ? a[j] & b[j] : a[j] | b[j];
  }

  static constexpr ReduceLoops loops = {DType::bool_, rows, columns, combine};
};

template <bool all>
const ReduceLoops* pick(DType dtype) noexcept {
  if (is_complex(dtype)) return nullptr;
  const std::size_t size = size_of(dtype);
  if (is_floating(dtype))
    return size == 2   ? &Logical<std::uint16_t, true, all>::loops
           : size == 4 ? &Logical<std::uint32_t, true, all>::loops
                       : &Logical<std::uint64_t, true, all>::loops;
  return size == 1   ? &Logical<std::uint8_t, false, all>::loops
         : size == 2 ? &Logical<std::uint16_t, false, all>::loops
         : size == 4 ? &Logical<std::uint32_t, false, all>::loops
                     : &Logical<std::uint64_t, false, all>::loops;
}

}  // namespace

const ReduceLoops* logical_loops(DType dtype, bool all) noexcept {
  return all ? pick<true>(dtype) : pick<false>(dtype);
}

}  // namespace keen::detail::cpu::KEEN_ISA
