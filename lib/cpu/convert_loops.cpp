// Conversion between real dtypes, compiled once per instruction set.
#include "cpu/convert.h"
#include "scalar/cast.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

using scalar::BFloatBits;
using scalar::HalfBits;

/// An element as a register holds it: the vectoriser takes neither structs nor bools.
template <class T>
struct Stored {
  using Type = T;
  static T value(Type x) { return x; }
  static Type bits(T x) { return x; }
};
template <>
struct Stored<bool> {
  using Type = std::uint8_t;
  static std::uint8_t value(Type x) { return x; }
  static Type bits(bool x) { return x; }
};
template <class T>
requires requires(T x) { x.bits; }
struct Stored<T> {
  using Type = unsigned short;
  static T value(Type x) { return {x}; }
  static Type bits(T x) { return x.bits; }
};

template <class To, class From>
void convert_all(const void* from, void* to, std::int64_t n) {
  const auto* __restrict in = static_cast<const typename Stored<From>::Type*>(from);
  auto* __restrict out = static_cast<typename Stored<To>::Type*>(to);
  for (std::int64_t i = 0; i < n; ++i) out[i] = Stored<To>::bits(scalar::cast<To>(Stored<From>::value(in[i])));
}

#ifdef __F16C__
// The processor's own conversions, which give the bits of `half_from` and `half_to`.
template <>
void convert_all<HalfBits, float>(const void* from, void* to, std::int64_t n) {
  auto* in = static_cast<const float*>(from);
  auto* out = static_cast<unsigned short*>(to);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; ++i) out[i] = scalar::half_from(in[i]);
}
template <>
void convert_all<float, HalfBits>(const void* from, void* to, std::int64_t n) {
  auto* in = static_cast<const unsigned short*>(from);
  auto* out = static_cast<float*>(to);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  for (; i < n; ++i) out[i] = scalar::half_to(in[i]);
}
#endif

template <class To>
ConvertLoop from_any(DType from) {
  switch (from) {
    case DType::bool_:
      return convert_all<To, bool>;
    case DType::int8:
      return convert_all<To, std::int8_t>;
    case DType::int16:
      return convert_all<To, std::int16_t>;
    case DType::int32:
      return convert_all<To, std::int32_t>;
    case DType::int64:
      return convert_all<To, std::int64_t>;
    case DType::uint8:
      return convert_all<To, std::uint8_t>;
    case DType::uint16:
      return convert_all<To, std::uint16_t>;
    case DType::uint32:
      return convert_all<To, std::uint32_t>;
    case DType::uint64:
      return convert_all<To, std::uint64_t>;
    case DType::float16:
      return convert_all<To, HalfBits>;
    case DType::bfloat16:
      return convert_all<To, BFloatBits>;
    case DType::float32:
      return convert_all<To, float>;
    case DType::float64:
      return convert_all<To, double>;
    default:
      return nullptr;
  }
}

}  // namespace

ConvertLoop convert_loop(DType to, DType from) noexcept {
  switch (to) {
    case DType::bool_:
      return from_any<bool>(from);
    // Integers wrap among themselves, floats do not: signed and unsigned targets differ only for those.
    case DType::int8:
      return from_any<std::int8_t>(from);
    case DType::int16:
      return from_any<std::int16_t>(from);
    case DType::int32:
      return from_any<std::int32_t>(from);
    case DType::int64:
      return from_any<std::int64_t>(from);
    case DType::uint8:
      return from_any<std::uint8_t>(from);
    case DType::uint16:
      return from_any<std::uint16_t>(from);
    case DType::uint32:
      return from_any<std::uint32_t>(from);
    case DType::uint64:
      return from_any<std::uint64_t>(from);
    case DType::float16:
      return from_any<HalfBits>(from);
    case DType::bfloat16:
      return from_any<BFloatBits>(from);
    case DType::float32:
      return from_any<float>(from);
    case DType::float64:
      return from_any<double>(from);
    default:
      return nullptr;
  }
}

}  // namespace keen::detail::cpu::KEEN_ISA
