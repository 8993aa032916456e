// The tree of modules: registration, paths, the walk over variables, freezing.
#include "keen/nn/module.h"

#include <unordered_set>

#include "core/message.h"
#include "nn/module_state.h"

namespace keen::detail {

namespace {

std::string join(std::string path, std::string_view name) {
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

bool reaches(const ModuleState& from, const ModuleState* target) {
  if (&from == target) return true;
  std::lock_guard lock(from.mutex);
  for (const auto& m : from.members) {
    if (m.module && reaches(*m.module, target)) return true;
  }
  return false;
}

struct Walk {
  bool only_trainable;
  std::vector<Variable> found = {};
  std::unordered_set<const void*> seen = {};

  void visit(const ModuleState& module) {
    if (!seen.insert(&module).second) return;
    std::lock_guard lock(module.mutex);
    for (const auto& m : module.members) {
      if (m.module) visit(*m.module);
      else if ((!only_trainable || m.variable.trainable()) && seen.insert(m.variable.state().get()).second)
        found.push_back(m.variable);
    }
  }
};

}  // namespace

void ModuleState::check_free(std::string_view member_name, const std::string& path) const {
  if (member_name.empty() || member_name.find('/') != std::string_view::npos)
    fail<UsageError>("member", "the name '", member_name, "': a member's name has at least one character and no '/'");
  for (const auto& m : members) {
    if (m.name == member_name)
      fail<UsageError>("member", "module '", path, "' has a member '", member_name, "' already: choose another name");
  }
}

void ModuleState::add_member(std::string_view member_name, const Variable& variable) {
  if (!variable.defined())
    fail<UsageError>(
        "member", "the variable for '", member_name, "' is an empty handle: construct it with a value first");
  const std::string path = current_path();
  {
    std::lock_guard lock(mutex);
    check_free(member_name, path);
    Variable shared = variable;
    members.push_back({std::string(member_name), shared, nullptr, shared.trainable()});
    shared.set_name(join(path, member_name));
    if (!trainable) shared.set_trainable(false);
    holds_variables = true;
  }
  tell_parents();
}

void ModuleState::add_member(std::string_view member_name, const std::shared_ptr<ModuleState>& module) {
  std::string path = current_path();
  // What is nobody's part can be reached from nowhere but itself: towers built from the inside need no search.
  if (module.get() == this || (is_part && reaches(*module, this)))
    fail<UsageError>("member", "module '", path, "' cannot be a part of itself (through '", member_name, "')");
  {
    std::lock_guard lock(mutex);
    check_free(member_name, path);
    members.push_back({std::string(member_name), {}, module});
    if (!trainable) module->set_trainable(false);
    std::lock_guard part_lock(module->mutex);
    module->is_part = true;
    if (module->holds_variables) holds_variables = true;
    if (!module->parent.expired()) return;
    module->parent = weak_from_this();
    module->name = member_name;
    module->name_variables(path = join(path, member_name));
  }
  if (holds_variables) tell_parents();
}

// Paths are put together when they are asked for, but variables carry theirs: they follow where a module goes. With the
// mutex of this module held; `path` is its own, and is left as it was.
void ModuleState::name_variables(std::string& path) {
  if (!holds_variables) return;
  const std::size_t length = path.size();
  for (auto& m : members) {
    (path += path.empty() ? "" : "/") += m.name;
    if (m.module) {
      std::lock_guard lock(m.module->mutex);
      if (m.module->parent.lock().get() == this) m.module->name_variables(path);
    } else {
      m.variable.set_name(path);
    }
    path.resize(length);
  }
}

std::pair<std::string, std::shared_ptr<ModuleState>> ModuleState::name_and_parent() const {
  std::lock_guard lock(mutex);
  return {name, parent.lock()};
}

// Everything that this is a part of has variables from now on. One mutex at a time: they are taken from a module towards
// its parts.
void ModuleState::tell_parents() const {
  for (auto up = name_and_parent().second; up && !up->holds_variables.exchange(true);)
    up = up->name_and_parent().second;
}

void ModuleState::set_trainable(bool value) {
  std::lock_guard lock(mutex);
  trainable = value;
  for (auto& m : members) {
    if (m.module) m.module->set_trainable(value);
    else m.variable.set_trainable(value && m.trainable);
  }
}

std::string ModuleState::current_path() const {
  auto [first, up] = name_and_parent();
  std::vector<std::string> names{std::move(first)};
  while (up) {
    auto [above, next] = up->name_and_parent();
    names.push_back(std::move(above));
    up = std::move(next);
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) path = join(std::move(path), *name);
  return path;
}

std::vector<Variable> collect_variables(const ModuleState& root, bool only_trainable) {
  Walk walk{only_trainable};
  walk.visit(root);
  return std::move(walk.found);
}

}  // namespace keen::detail

namespace keen::nn {

Module::Module() : state_(std::make_shared<detail::ModuleState>()) {}

std::vector<Variable> Module::variables() const { return detail::collect_variables(*state_, false); }
std::vector<Variable> Module::trainable_variables() const { return detail::collect_variables(*state_, true); }

bool Module::trainable() const {
  std::lock_guard lock(state_->mutex);
  return state_->trainable;
}
void Module::set_trainable(bool trainable) const { state_->set_trainable(trainable); }

std::int64_t Module::count_parameters() const {
  std::int64_t count = 0;
  for (const Variable& v : variables()) count += v.size();
  return count;
}

std::string Module::path() const { return state_->current_path(); }

void Module::add(std::string_view name, const Module& part) { state_->add_member(name, part.state_); }
void Module::add(std::string_view name, const Variable& variable) { state_->add_member(name, variable); }

}  // namespace keen::nn
