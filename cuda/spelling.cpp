#include "cuda/spelling.h"

#include <cstdio>

#include "core/message.h"
#include "fusion/kernel.h"
#include "keen/error.h"

namespace keen::detail::cuda {

const char* type_of(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return "bool";
    case DType::int8:
      return "signed char";
    case DType::int16:
      return "short";
    case DType::int32:
      return "int";
    case DType::int64:
      return "long long";
    case DType::uint8:
      return "unsigned char";
    case DType::uint16:
      return "unsigned short";
    case DType::uint32:
      return "unsigned int";
    case DType::uint64:
      return "unsigned long long";
    case DType::float16:
      return "HalfBits";
    case DType::bfloat16:
      return "BFloatBits";
    case DType::float32:
      return "float";
    case DType::float64:
      return "double";
    default:
      fail<DTypeError>("cuda", "kernels over ", keen::name(dtype), " are not generated");
  }
}

std::string constant(DType dtype, std::int64_t bits) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "0x%llxull", static_cast<unsigned long long>(bits));
  if (dtype == DType::float32) return text("__uint_as_float(static_cast<unsigned int>(", digits, "))");
  if (dtype == DType::float64) return text("__longlong_as_double(static_cast<long long>(", digits, "))");
  return text("static_cast<", type_of(dtype), ">(", digits, ')');
}

std::string functor(scalar::Function function) { return text("functor::", fusion::name(function), "{}"); }

}  // namespace keen::detail::cuda
