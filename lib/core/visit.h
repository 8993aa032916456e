// From a dtype to the C++ type of its elements.
#pragma once
#include <cstdint>
#include <utility>

#include "core/message.h"
#include "keen/dtype.h"
#include "keen/error.h"

namespace keen::detail {

/// Returns f(T{}) with the C++ type of an integer dtype; int64 for any other.
template <class F>
auto visit_integer(DType dtype, F&& f) {
  switch (dtype) {
    case DType::int8:
      return f(std::int8_t{});
    case DType::int16:
      return f(std::int16_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::uint16:
      return f(std::uint16_t{});
    case DType::uint32:
      return f(std::uint32_t{});
    case DType::uint64:
      return f(std::uint64_t{});
    default:
      return f(std::int64_t{});
  }
}

/// Returns f(T{}) with the C++ type of a numeric dtype; DTypeError for others.
template <class F>
auto visit_numeric(DType dtype, const char* operation, F&& f) {
  if (dtype == DType::float32) return f(float{});
  if (dtype == DType::float64) return f(double{});
  if (is_integer(dtype)) return visit_integer(dtype, std::forward<F>(f));
  fail<DTypeError>(operation, "computing with ", name(dtype), " is not offered: cast to float32 or float64");
}

}  // namespace keen::detail
