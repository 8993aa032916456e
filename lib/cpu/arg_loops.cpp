// Where the largest and smallest elements are, compiled once per instruction set.
#include "cpu/reduce_blocks.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

template <class T, class Op>
struct Arg {
  /// Does b beat a? Among equals the first wins, also among NaNs.
  static bool beats(T b, T a) {
    const bool better = __is_same(Op, Max) ? b > a : b < a;
    return better | ((b != b) & (a == a));
  }

  /// Few elements, one by one; without a branch, which would often be foreseen wrongly.
  static std::int64_t short_row(T* best, const T* x, std::int64_t n) {
    std::int64_t at = 0;
    for (std::int64_t i = 1; i < n; ++i) at += (i - at) & -static_cast<std::int64_t>(beats(x[i], x[at]));
    *best = x[at];
    return at;
  }

  /// The extremum block by block, remembering the block that first held it; then its place in that block.
  static std::int64_t row(void* best_value, const void* data, std::int64_t n) {
    using B = Blocks<T, T, Op>;
    auto* x = static_cast<const T*>(data);
    if (n <= 32) return short_row(static_cast<T*>(best_value), x, n);
    T best = x[0];
    std::int64_t at = 0;
    constexpr std::int64_t block = 4 * B::lanes;
    for (std::int64_t i = 0; i < n && best == best; i += block) {
      const T value = B::row(x + i, n - i < block ? n - i : block);
      if (beats(value, best)) best = value, at = i;
    }
    *static_cast<T*>(best_value) = best;
    if (best != best)
      while (x[at] == x[at]) ++at;
    else
      while (x[at] != best) ++at;
    return at;
  }

  static void columns(
      void* best_values, std::int64_t* index, const void* data, std::int64_t row_stride, std::int64_t first,
      std::int64_t rows, std::int64_t n) {
    auto* __restrict best = static_cast<T*>(best_values);
    auto* x = static_cast<const T*>(data);
    if (first == 0)
      for (std::int64_t j = 0; j < n; ++j) best[j] = x[j], index[j] = 0;
    for (std::int64_t r = 0; r < rows; ++r, x += row_stride)
      for (std::int64_t j = 0; j < n; ++j) {
        const bool wins = beats(x[j], best[j]);
        best[j] = wins ? x[j] : best[j];
        index[j] = wins ? first + r : index[j];
      }
  }

  static constexpr ArgLoops loops = {row, columns};
};

template <class Op>
const ArgLoops* pick(DType dtype) noexcept {
  switch (dtype) {
    case DType::bool_:
    case DType::uint8:
      return &Arg<std::uint8_t, Op>::loops;
    case DType::int8:
      return &Arg<std::int8_t, Op>::loops;
    case DType::int16:
      return &Arg<std::int16_t, Op>::loops;
    case DType::int32:
      return &Arg<std::int32_t, Op>::loops;
    case DType::int64:
      return &Arg<std::int64_t, Op>::loops;
    case DType::uint16:
      return &Arg<std::uint16_t, Op>::loops;
    case DType::uint32:
      return &Arg<std::uint32_t, Op>::loops;
    case DType::uint64:
      return &Arg<std::uint64_t, Op>::loops;
    case DType::float32:
      return &Arg<float, Op>::loops;
    case DType::float64:
      return &Arg<double, Op>::loops;
    default:
      return nullptr;
  }
}

}  // namespace

const ArgLoops* arg_loops(DType dtype, bool max) noexcept { return max ? pick<Max>(dtype) : pick<Min>(dtype); }

}  // namespace keen::detail::cpu::KEEN_ISA
