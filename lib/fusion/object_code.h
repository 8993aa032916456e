// Maps compiled object code into memory and makes it callable, without LLVM.
#pragma once
#include <cstddef>
#include <string_view>
#include <utility>

namespace keen::detail::fusion {

/// Executable memory, given back when this object dies. What comes in is an ELF relocatable object for x86-64 as the
/// kernel compiler writes it; anything else is an InternalError.
class ObjectCode {
 public:
  ObjectCode() noexcept = default;
  ObjectCode(std::string_view object, std::string_view symbol);
  ObjectCode(ObjectCode&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_), entry_(other.entry_) {}
  ObjectCode& operator=(ObjectCode&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~ObjectCode();

  template <class Function>
  Function entry() const noexcept {
    return reinterpret_cast<Function>(entry_);
  }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  void* entry_ = nullptr;
};

}  // namespace keen::detail::fusion
