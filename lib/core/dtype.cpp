// Names of dtypes and the table of promotion.
#include "keen/dtype.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "core/message.h"
#include "keen/error.h"

namespace keen {
namespace {

constexpr DType none = static_cast<DType>(255);

constexpr int log2_bytes(DType d) {
  int n = 0;
  for (std::size_t b = size_of(d); b > 1; b /= 2) ++n;
  return n;
}

constexpr DType promote_integers(DType a, DType b) {
  if (is_signed_integer(a) == is_signed_integer(b)) return size_of(a) >= size_of(b) ? a : b;
  DType s = is_signed_integer(a) ? a : b, u = is_signed_integer(a) ? b : a;
  if (size_of(s) > size_of(u)) return s;
  if (u == DType::uint64) return none;
  return static_cast<DType>(static_cast<int>(DType::int8) + log2_bytes(u) + 1);
}

constexpr DType promote_pair(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::bool_) return b;
  if (b == DType::bool_) return a;
  if (is_integer(a) && is_integer(b)) return promote_integers(a, b);
  if (is_integer(a)) return b;
  if (is_integer(b)) return a;
  if (is_complex(a) || is_complex(b)) {
    auto wide = [](DType d) { return d == DType::complex128 || d == DType::float64; };
    return wide(a) || wide(b) ? DType::complex128 : DType::complex64;
  }
  if (size_of(a) == size_of(b)) return DType::float32;  // float16 with bfloat16
  return size_of(a) > size_of(b) ? a : b;
}

constexpr auto promotion_table = [] {
  std::array<std::array<DType, dtype_count>, dtype_count> table{};
  for (int i = 0; i < dtype_count; ++i)
    for (int j = 0; j < dtype_count; ++j) table[i][j] = promote_pair(static_cast<DType>(i), static_cast<DType>(j));
  return table;
}();

}  // namespace

const char* name(DType dtype) noexcept {
  constexpr const char* names[dtype_count] = {"bool",     "int8",    "int16",   "int32",     "int64",
                                              "uint8",    "uint16",  "uint32",  "uint64",    "float16",
                                              "bfloat16", "float32", "float64", "complex64", "complex128"};
  return names[static_cast<int>(dtype)];
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }

DType promote(DType a, DType b) {
  DType result = promotion_table[static_cast<int>(a)][static_cast<int>(b)];
  if (result == none)
    detail::fail<DTypeError>(
        "promote", name(a), " and ", name(b), " have no common integer type: cast one, e.g. x.cast(int64)");
  return result;
}

}  // namespace keen
