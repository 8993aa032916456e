// What a signature's key says, read back: for messages, common supertypes and calls of concrete functions.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "keen/function/signature.h"
#include "keen/function/tensor_spec.h"

namespace keen::detail {

/// One leaf of the arguments; which fields count depends on its kind.
struct Leaf {
  // T tensor, P the sparse one that the next two are, U undefined, V variable, S string, N size of a container; B, I, J, E,
  // F, D numbers
  char kind;
  int argument = 0;  // which argument it belongs to
  bool has_spec = false;
  TensorSpec spec = {};
  Device device = {};
  std::int64_t integer = 0;
  double real = 0;
  const void* identity = nullptr;
  std::string text = {};

  bool is_number() const noexcept { return kind >= 'B' && kind <= 'J' && kind != 'E'; }
  std::string to_string() const;
};

std::vector<Leaf> leaves_of(std::string_view key);
/// Do they differ in nothing but sizes of tensors?
bool same_but_for_shapes(const std::vector<Leaf>& a, const std::vector<Leaf>& b);
/// The key of the same arguments with tensors of these specs.
std::string key_with(std::string_view key, const std::vector<TensorSpec>& specs);
/// Is any dimension unknown?
bool is_open(const std::vector<TensorSpec>& specs) noexcept;
/// Has the shape the rank and the known dimensions of what is wanted?
bool fits(const Shape& shape, const Shape& wanted) noexcept;
/// Where two shapes of one rank differ, the dimension is unknown.
Shape common_shape(const Shape& a, const Shape& b);
enum class Change { number, sizes, variable, form };
/// Of what kind is the first difference?
Change first_change(std::string_view before, std::string_view after);
/// "argument 0 was float32(3,) and is float32(4,)".
std::string describe_change(std::string_view before, std::string_view after);

}  // namespace keen::detail
