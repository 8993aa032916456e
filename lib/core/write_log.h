// WriteLog: what variables held before a call that may fail midway wrote them.
#pragma once
#include <memory>
#include <vector>

#include "core/variable_state.h"

namespace keen::detail {

/// Remembers, of each variable that its thread writes while it lives, what it held before the first of these writes, and
/// puts that back at its end unless it was told to keep the new values. Variables that only other threads write stay as
/// they are.
class WriteLog {
 public:
  WriteLog() noexcept;
  ~WriteLog();
  WriteLog(const WriteLog&) = delete;
  WriteLog& operator=(const WriteLog&) = delete;

  void keep() noexcept { before_.clear(); }

  /// The variable is about to be written; its mutex is held.
  static void note(VariableState& variable);

 private:
  struct Before {
    std::shared_ptr<VariableState> variable;
    Tensor value;
  };
  std::vector<Before> before_;
  WriteLog* outer_;
};

}  // namespace keen::detail
