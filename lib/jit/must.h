// What LLVM returns as errors becomes exceptions.
#pragma once
#include <llvm/Support/Error.h>

#include "core/message.h"
#include "keen/error.h"

namespace keen::detail::fusion {

inline void must(llvm::Error error) {
  if (error) fail<InternalError>("jit", llvm::toString(std::move(error)));
}
template <class T>
T must(llvm::Expected<T> result) {
  if (!result) must(result.takeError());
  return std::move(*result);
}

}  // namespace keen::detail::fusion
