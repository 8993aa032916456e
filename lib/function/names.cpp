#include "keen/function/names.h"

#include "core/message.h"
#include "function/tracer.h"

namespace keen {
namespace {

thread_local std::string prefix;

void check_name(const char* operation, std::string_view name) {
  if (name.empty()) detail::fail<UsageError>(operation, "a name may not be empty");
}

}  // namespace

Tensor named(const Tensor& tensor, std::string_view name, Where where) {
  detail::note_line(where);
  check_name("named", name);
  detail::checked(tensor, "named");
  if (auto* tracer = detail::current_tracer()) tracer->name(tensor, prefix + std::string(name));
  return tensor;
}

NameScope::NameScope(std::string_view name) : outer_length_(prefix.size()) {
  check_name("NameScope", name);
  prefix.append(name) += '/';
}
NameScope::~NameScope() { prefix.resize(outer_length_); }

}  // namespace keen
