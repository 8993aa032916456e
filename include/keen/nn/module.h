// Module: what has variables and parts. It finds them through its members and gives them their paths.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "keen/variable.h"

namespace keen {

namespace detail {
struct ModuleState;
}

namespace nn {

/// A shared handle to a tree of parts and variables: copying it shares them. Derive from it, name the parts, and call
/// them as you like:
///
///     struct Net : nn::Module {
///       nn::Dense hidden = member("hidden", nn::Dense(64, {.activation = relu}));
///       Variable scale = member("scale", Variable(1.f));
///       Tensor operator()(const Tensor& x) const { return hidden(x) * scale; }
///     };
class Module {
 public:
  Module();

  /// Every variable of this module and its parts, in the order of their members, each once.
  std::vector<Variable> variables() const;
  /// Those that training changes.
  std::vector<Variable> trainable_variables() const;
  /// Freezes or frees this module and all its parts. A variable that was registered as not trainable stays so.
  bool trainable() const;
  void set_trainable(bool trainable) const;
  /// The number of elements in all variables.
  std::int64_t count_parameters() const;
  /// Names from the root of the tree, "trunk/dense"; a module that is nobody's part starts its own tree.
  std::string path() const;

  /// Same parts and variables?
  bool is(const Module& other) const noexcept { return state_ == other.state_; }
  const std::shared_ptr<detail::ModuleState>& module_state() const noexcept { return state_; }

 protected:
  explicit Module(std::shared_ptr<detail::ModuleState> state) noexcept : state_(std::move(state)) {}

  /// Registers a module, a variable or a vector of them under `name`, and returns it. A name that is taken, empty or
  /// holds a '/', and a module that contains this one, are a UsageError. A part of several modules keeps the path
  /// that the first gave it.
  template <class T>
  T member(std::string_view name, T part) {
    add(name, part);
    return part;
  }

 private:
  void add(std::string_view name, const Module& part);
  void add(std::string_view name, const Variable& variable);
  template <class T>
  void add(std::string_view name, const std::vector<T>& parts) {
    std::size_t number = 0;
    for (const T& part : parts) add(std::string(name) + '_' + std::to_string(number++), part);
  }

  std::shared_ptr<detail::ModuleState> state_;
};

}  // namespace nn
}  // namespace keen
