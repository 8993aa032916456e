// ModuleState: the shared tree behind nn::Module handles.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keen/variable.h"

namespace keen::detail {

struct ModuleState : std::enable_shared_from_this<ModuleState> {
  explicit ModuleState(std::string given = {}) : name(std::move(given)), path(name) {}
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
  std::string current_path() const;

  std::string name;  // the one given, the member name, or the kind of layer
  std::string path;
  std::weak_ptr<ModuleState> parent;  // who gave the path
  bool trainable = true;
  std::vector<Member> members;
  // Guards all of the above. Taken from a module towards its parts; the tree has no cycles, so neither do the locks.
  mutable std::mutex mutex;

 private:
  void check_free(std::string_view member_name) const;
  void rename(const std::string& new_path);
};

/// Every variable below `root`, in order, each once.
std::vector<Variable> collect_variables(const ModuleState& root, bool only_trainable);

}  // namespace keen::detail
