// Names of tensors inside compiled functions: for fetching, feeding and reading graphs.
#pragma once
#include <string>
#include <string_view>

#include "keen/tensor.h"

namespace keen {

/// The tensor itself; while a function is traced it bears the name, behind those of the NameScopes around. A name that is
/// taken gets a number: "z", "z_1".
Tensor named(const Tensor& tensor, std::string_view name, Where where = Where::current());

/// While it lives, names on this thread begin with "name/".
class [[nodiscard]] NameScope {
 public:
  explicit NameScope(std::string_view name);
  ~NameScope();
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

 private:
  std::size_t outer_length_;
};

}  // namespace keen
