// Conversion between real dtypes, compiled once per instruction set.
#include "cpu/convert.h"
#include "scalar/cast.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

// How the dtypes lie in memory.
struct HalfBits {
  unsigned short bits;
};
struct BFloatBits {
  unsigned short bits;
};

/// The number itself, or the float32 that the bits stand for.
template <class T>
[[gnu::always_inline]] inline T value(T x) { return x; }
[[gnu::always_inline]] inline float value(HalfBits x) { return scalar::half_to(x.bits); }
[[gnu::always_inline]] inline float value(BFloatBits x) { return scalar::bfloat_to(x.bits); }

/// A float that rounds to 16 bits as x does. 32- and 64-bit integers go through double, which is finer than any tie.
template <class T>
[[gnu::always_inline]] inline float to_narrow_from(T x) {
  if constexpr (sizeof(T) == 8 || __is_same(T, std::int32_t) || __is_same(T, std::uint32_t))
    return scalar::round_to_odd(static_cast<double>(x));
  else return static_cast<float>(x);
}

template <class To, class From>
[[gnu::always_inline]] inline To convert_one(From from) {
  const auto x = value(from);
  if constexpr (__is_same(To, HalfBits)) return {scalar::half_from(to_narrow_from(x))};
  else if constexpr (__is_same(To, BFloatBits)) return {scalar::bfloat_from(to_narrow_from(x))};
  else return scalar::convert<To>(x);
}

template <class To, class From>
void convert_all(const void* from, void* to, std::int64_t n) {
  const From* __restrict in = static_cast<const From*>(from);
  To* __restrict out = static_cast<To*>(to);
  for (std::int64_t i = 0; i < n; ++i) out[i] = convert_one<To>(in[i]);
}

template <class To>
ConvertLoop from_any(DType from) {
  switch (from) {
    case DType::bool_: return convert_all<To, bool>;
    case DType::int8: return convert_all<To, std::int8_t>;
    case DType::int16: return convert_all<To, std::int16_t>;
    case DType::int32: return convert_all<To, std::int32_t>;
    case DType::int64: return convert_all<To, std::int64_t>;
    case DType::uint8: return convert_all<To, std::uint8_t>;
    case DType::uint16: return convert_all<To, std::uint16_t>;
    case DType::uint32: return convert_all<To, std::uint32_t>;
    case DType::uint64: return convert_all<To, std::uint64_t>;
    case DType::float16: return convert_all<To, HalfBits>;
    case DType::bfloat16: return convert_all<To, BFloatBits>;
    case DType::float32: return convert_all<To, float>;
    case DType::float64: return convert_all<To, double>;
    default: return nullptr;
  }
}

}  // namespace

ConvertLoop convert_loop(DType to, DType from) noexcept {
  switch (to) {
    case DType::bool_: return from_any<bool>(from);
    // Integers wrap among themselves, floats do not: signed and unsigned targets differ only for those.
    case DType::int8: return from_any<std::int8_t>(from);
    case DType::int16: return from_any<std::int16_t>(from);
    case DType::int32: return from_any<std::int32_t>(from);
    case DType::int64: return from_any<std::int64_t>(from);
    case DType::uint8: return from_any<std::uint8_t>(from);
    case DType::uint16: return from_any<std::uint16_t>(from);
    case DType::uint32: return from_any<std::uint32_t>(from);
    case DType::uint64: return from_any<std::uint64_t>(from);
    case DType::float16: return from_any<HalfBits>(from);
    case DType::bfloat16: return from_any<BFloatBits>(from);
    case DType::float32: return from_any<float>(from);
    case DType::float64: return from_any<double>(from);
    default: return nullptr;
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
