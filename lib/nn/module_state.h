// ModuleState: the shared tree behind nn::Module handles.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keen/variable.h"

namespace keen::detail {

struct ModuleState : std::enable_shared_from_this<ModuleState> {
  explicit ModuleState(std::string given = {}) : name(std::move(given)) {}
  virtual ~ModuleState() = default;
  ModuleState(const ModuleState&) = delete;
  ModuleState& operator=(const ModuleState&) = delete;

  /// Either a variable or a module.
  struct Member {
    std::string name;
    Variable variable;
    std::shared_ptr<ModuleState> module;
    bool trainable = true;  // as the variable was registered: freezing and freeing the module returns to it
  };

  void add_member(std::string_view member_name, const Variable& variable);
  void add_member(std::string_view member_name, const std::shared_ptr<ModuleState>& module);
  void set_trainable(bool value);
  /// The names from the root down to this, "trunk/dense". Not to be asked with the mutex held.
  std::string current_path() const;

  std::string name;                   // the one given, the member name, or the kind of layer
  std::weak_ptr<ModuleState> parent;  // who gave the path
  bool trainable = true;
  std::atomic<bool> is_part{false};          // of any module
  std::atomic<bool> holds_variables{false};  // here or in a part
  std::vector<Member> members;
  // Guards all of the above but the atomics. Taken from a module towards its parts; the tree has no cycles, so neither do the locks.
  mutable std::mutex mutex;

 private:
  void check_free(std::string_view member_name, const std::string& path) const;
  void name_variables(std::string& path);
  std::pair<std::string, std::shared_ptr<ModuleState>> name_and_parent() const;
  void tell_parents() const;
};

/// Every variable below `root`, in order, each once.
std::vector<Variable> collect_variables(const ModuleState& root, bool only_trainable);

}  // namespace keen::detail
