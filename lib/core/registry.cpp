// The list of operations, as the linker gathered it.
#include <string_view>

#include "core/attribute.h"
#include "core/message.h"
#include "core/op.h"

extern "C" {
[[gnu::visibility("hidden")]] extern const keen::detail::Op* const __start_keen_ops[];
[[gnu::visibility("hidden")]] extern const keen::detail::Op* const __stop_keen_ops[];
}

namespace keen::detail {

std::span<const Op* const> all_ops() noexcept { return {__start_keen_ops, __stop_keen_ops}; }

const Op* find_op(std::string_view name) noexcept {
  for (const Op* op : all_ops())
    if (name == op->name) return op;
  return nullptr;
}

std::string to_string(const Attribute& attribute) {
  switch (static_cast<AttributeKind>(attribute.index())) {
    case AttributeKind::none:
      return "none";
    case AttributeKind::integer:
      return std::to_string(integer(attribute));
    case AttributeKind::real:
      return text(real(attribute));
    case AttributeKind::boolean:
      return boolean(attribute) ? "true" : "false";
    case AttributeKind::dtype:
      return name(dtype(attribute));
    case AttributeKind::ints:
    case AttributeKind::shape:
      return ints(attribute).to_string();
    case AttributeKind::string:
      return '"' + string(attribute) + '"';
    case AttributeKind::device:
      return device(attribute).to_string();
    case AttributeKind::resource:
      return "resource";
  }
  return {};
}

}  // namespace keen::detail
