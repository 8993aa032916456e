// The conversions of float16 and bfloat16 values.
#include "keen/dtype.h"
#include "scalar/cast.h"

namespace keen {

Half::Half(float value) noexcept : bits(scalar::half_from(value)) {}
Half::operator float() const noexcept { return scalar::half_to(bits); }
BFloat::BFloat(float value) noexcept : bits(scalar::bfloat_from(value)) {}
BFloat::operator float() const noexcept { return scalar::bfloat_to(bits); }

}  // namespace keen
