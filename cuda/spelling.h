// How CUDA C++ spells dtypes, numbers and scalar functions.
#pragma once
#include <cstdint>
#include <string>

#include "keen/dtype.h"
#include "scalar/function.h"

namespace keen::detail::cuda {

/// The type of one element. Throws DTypeError for complex numbers.
const char* type_of(DType dtype);
/// The number with these bits, in the low bytes, exactly.
std::string constant(DType dtype, std::int64_t bits);
/// An object of the function's functor.
std::string functor(scalar::Function function);

}  // namespace keen::detail::cuda
