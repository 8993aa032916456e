// The sizes in which the host allocator hands out blocks: multiples of 64 up to 1 KiB, then four a power of two.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace keen::detail {

struct SizeClass {
  int index;
  std::size_t bytes;
};

/// Enough for blocks of 2^47 bytes.
inline constexpr int size_classes = 16 + 4 * 38;

/// The smallest class that holds so many bytes.
constexpr SizeClass class_of(std::size_t bytes) noexcept {
  if (bytes <= 1024) {
    const int i = bytes ? static_cast<int>((bytes - 1) >> 6) : 0;
    return {i, static_cast<std::size_t>(i + 1) << 6};
  }
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes ≤ 2^(log+1), log ≥ 10
  const std::size_t step = std::size_t{1} << (log - 2);
  const std::size_t quarter = (bytes - 1 - (std::size_t{1} << log)) >> (log - 2);
  return {16 + 4 * (log - 10) + static_cast<int>(quarter), (std::size_t{1} << log) + (quarter + 1) * step};
}

/// The bytes of a block of class i: the inverse of `class_of`.
constexpr std::int64_t class_bytes(int i) noexcept {
  if (i < 16) return (i + 1) * 64;
  return (5 + (i - 16) % 4) * (std::int64_t{256} << (i - 16) / 4);
}

static_assert(class_bytes(class_of(1024).index) == 1024 && class_bytes(class_of(1025).index) == 1280);
static_assert(class_bytes(class_of(std::size_t{1} << 47).index) == std::int64_t{1} << 47);

}  // namespace keen::detail
