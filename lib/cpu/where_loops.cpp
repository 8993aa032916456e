// where(condition, a, b) by element size, compiled once per instruction set.
#include "cpu/plain_loop.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

/// 16 bytes: complex128.
struct Pair {
  std::uint64_t low, high;
};

/// Bits chosen by a mask: a choice by a branch would wait for conditions that nobody can foresee.
template <class T>
[[gnu::always_inline]] inline T choice(std::uint8_t condition, T a, T b) {
  const auto mask = static_cast<T>(-static_cast<T>(condition));
  return static_cast<T>((a & mask) | (b & ~mask));
}
[[gnu::always_inline]] inline Pair choice(std::uint8_t condition, Pair a, Pair b) {
  return {choice(condition, a.low, b.low), choice(condition, a.high, b.high)};
}

template <class T>
[[gnu::noinline]] void choose(const std::uint8_t* condition, const T* a, const T* b, T* out, std::int64_t n) {
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
  for (std::int64_t i = 0; i < n; ++i) out[i] = choice(condition[i], a[i], b[i]);
}

template <class T>
void where_of(const void* const* in, unsigned repeated, void* out, std::int64_t n) {
  const auto* condition = static_cast<const std::uint8_t*>(in[0]);  // bool: 0 or 1
  const T *a = static_cast<const T*>(in[1]), *b = static_cast<const T*>(in[2]);
  T* to = static_cast<T*>(out);
  if (!repeated) return choose(condition, a, b, to, n);
  constexpr std::int64_t step = block<T>;
  std::uint8_t conditions[step];
  T left[step], right[step];
  if (repeated & 1) {
    for (auto& c : conditions) c = *condition;
    condition = conditions;
  }
  if (repeated & 2) a = spread(left, a, n);
  if (repeated & 4) b = spread(right, b, n);
  for (std::int64_t i = 0; i < n; i += step) {
    choose(
        repeated & 1 ? condition : condition + i, repeated & 2 ? a : a + i, repeated & 4 ? b : b + i, to + i,
        n - i < step ? n - i : step);
  }
}

}  // namespace

Loop where_loop(std::size_t bytes) noexcept {
  switch (bytes) {
    case 1:
      return where_of<std::uint8_t>;
    case 2:
      return where_of<std::uint16_t>;
    case 4:
      return where_of<std::uint32_t>;
    case 8:
      return where_of<std::uint64_t>;
    default:
      return where_of<Pair>;
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
