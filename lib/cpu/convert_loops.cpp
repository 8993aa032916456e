// Conversion between real dtypes, compiled once per instruction set.
#include "cpu/convert.h"
#include "scalar/cast.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

using scalar::BFloatBits;
using scalar::HalfBits;

template <class To, class From>
void convert_all(const void* from, void* to, std::int64_t n) {
  const From* __restrict in = static_cast<const From*>(from);
  To* __restrict out = static_cast<To*>(to);
  for (std::int64_t i = 0; i < n; ++i) out[i] = scalar::cast<To>(in[i]);
}

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
