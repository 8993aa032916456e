// Element types and the one table of type promotion.
#pragma once
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <type_traits>

namespace keen {

/// The type of a tensor's elements.
enum class DType : std::uint8_t {
  bool_,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
  complex128,
};
inline constexpr int dtype_count = 15;

inline constexpr DType bool_ = DType::bool_, int8 = DType::int8, int16 = DType::int16, int32 = DType::int32,
                       int64 = DType::int64, uint8 = DType::uint8, uint16 = DType::uint16, uint32 = DType::uint32,
                       uint64 = DType::uint64, float16 = DType::float16, bfloat16 = DType::bfloat16,
                       float32 = DType::float32, float64 = DType::float64, complex64 = DType::complex64,
                       complex128 = DType::complex128;

/// IEEE 754 binary16, as storage: it converts, and computing with it happens in float32.
struct Half {
  std::uint16_t bits = 0;
  Half() = default;
  explicit Half(float value) noexcept;
  explicit operator float() const noexcept;
};
/// The upper half of a binary32, as storage.
struct BFloat {
  std::uint16_t bits = 0;
  BFloat() = default;
  explicit BFloat(float value) noexcept;
  explicit operator float() const noexcept;
};

/// Bytes an element takes.
constexpr std::size_t size_of(DType dtype) noexcept {
  // A nibble a dtype, bool_ the lowest: log2 of the size. (A table would be a symbol or be built at each call.)
  return std::size_t{1} << (0x433211321032100ULL >> (4 * static_cast<int>(dtype)) & 15);
}
constexpr bool is_floating(DType d) noexcept { return d >= DType::float16 && d <= DType::float64; }
constexpr bool is_complex(DType d) noexcept { return d >= DType::complex64; }
constexpr bool is_signed_integer(DType d) noexcept { return d >= DType::int8 && d <= DType::int64; }
constexpr bool is_unsigned_integer(DType d) noexcept { return d >= DType::uint8 && d <= DType::uint64; }
constexpr bool is_integer(DType d) noexcept { return d >= DType::int8 && d <= DType::uint64; }
/// True for the types a GradientTape records: floating and complex.
constexpr bool is_trainable(DType d) noexcept { return d >= DType::float16; }

/// "float32" and so on.
const char* name(DType dtype) noexcept;
std::ostream& operator<<(std::ostream& out, DType dtype);

/// The type in which values of both types meet: the Array API's table within a kind, the floating type across kinds.
/// Throws DTypeError for uint64 with a signed integer.
DType promote(DType a, DType b);

namespace detail {
template <class T>
concept ComplexLike = requires(T t) {
  typename T::value_type;
  t.real();
  t.imag();
};

template <class T>
constexpr DType dtype_of_value() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, bool>) return DType::bool_;
  else if constexpr (std::is_same_v<U, float>) return DType::float32;
  else if constexpr (std::is_same_v<U, double> || std::is_same_v<U, long double>) return DType::float64;
  else if constexpr (std::is_same_v<U, Half>) return DType::float16;
  else if constexpr (std::is_same_v<U, BFloat>) return DType::bfloat16;
  else if constexpr (ComplexLike<U>) return sizeof(U) == 8 ? DType::complex64 : DType::complex128;
  else {
    static_assert(std::is_integral_v<U>, "no Keen dtype for this C++ type");
    constexpr int log2 = sizeof(U) == 1 ? 0 : sizeof(U) == 2 ? 1 : sizeof(U) == 4 ? 2 : 3;
    return static_cast<DType>((std::is_signed_v<U> ? 1 : 5) + log2);
  }
}
}  // namespace detail

/// The dtype of a C++ type: `dtype_of<float>` is float32.
template <class T>
inline constexpr DType dtype_of = detail::dtype_of_value<T>();

/// A C++ number: bool, an integer or a floating value.
template <class T>
concept Number = std::is_arithmetic_v<T>;

}  // namespace keen
