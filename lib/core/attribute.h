// Attributes: the static arguments of an operation (axes, strides, a dtype), described by a schema.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "keen/device.h"
#include "keen/dtype.h"
#include "keen/shape.h"

namespace keen::detail {

/// One static argument.
using Attribute =
    std::variant<std::monostate, std::int64_t, double, bool, DType, Shape, std::string, Device, std::shared_ptr<void>>;
/// What a schema says of an attribute; up to `resource` the number is the variant's index. A `shape` is held as ints, but
/// may be symbolic in a traced graph (negative dimensions), which replay binds; plain ints may be negative as they are.
enum class AttributeKind : std::uint8_t { none, integer, real, boolean, dtype, ints, string, device, resource, shape };

/// An operation's attributes, in the order of its schema.
using Attributes = std::span<const Attribute>;

/// Is the attribute of the kind a schema asks for, or absent?
inline bool holds(const Attribute& attribute, AttributeKind kind) {
  if (kind == AttributeKind::shape) kind = AttributeKind::ints;
  return attribute.index() == 0 || static_cast<AttributeKind>(attribute.index()) == kind;
}

struct AttributeSpec {
  const char* name;
  AttributeKind kind;
};

inline std::int64_t integer(const Attribute& a) { return *std::get_if<std::int64_t>(&a); }
inline double real(const Attribute& a) { return *std::get_if<double>(&a); }
inline bool boolean(const Attribute& a) { return *std::get_if<bool>(&a); }
inline DType dtype(const Attribute& a) { return *std::get_if<DType>(&a); }
inline const Shape& ints(const Attribute& a) { return *std::get_if<Shape>(&a); }
inline const std::string& string(const Attribute& a) { return *std::get_if<std::string>(&a); }
inline Device device(const Attribute& a) { return *std::get_if<Device>(&a); }
template <class T>
T& resource(const Attribute& a) {
  return *static_cast<T*>(std::get_if<std::shared_ptr<void>>(&a)->get());
}

/// "axes=(0, 1)"-style text of a value, for the graph printer and error messages.
std::string to_string(const Attribute& attribute);

}  // namespace keen::detail
