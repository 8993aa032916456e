// TensorSpec: the form of a tensor argument, with dimensions left open.
#pragma once
#include <iosfwd>
#include <string>

#include "keen/dtype.h"
#include "keen/shape.h"

namespace keen {

/// A shape, in which `unknown` dimensions may have any size, and a dtype: `TensorSpec({unknown, 4}, float32)`.
struct TensorSpec {
  Shape shape;
  DType dtype = DType::float32;
  std::string name = {};

  TensorSpec() = default;
  TensorSpec(Shape shape, DType dtype = DType::float32, std::string name = {})
      : shape(static_cast<Shape&&>(shape)), dtype(dtype), name(static_cast<std::string&&>(name)) {}
  /// "float32(?, 4)".
  std::string to_string() const;
};
std::ostream& operator<<(std::ostream& out, const TensorSpec& spec);

}  // namespace keen
