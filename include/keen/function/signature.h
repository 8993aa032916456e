// Signature: what tells the calls of a function apart, and the tensors a call brings.
#pragma once
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include "keen/function/structure.h"

namespace keen::detail {

/// A visitor of arguments. Its key holds, leaf by leaf, the form of each tensor (dtype, device, shape), the identity of
/// each variable and the value of everything else. Nothing is allocated for a few arguments of ordinary size.
class Signature {
 public:
  /// Without forms every tensor of a device counts as the same: an input_signature says what fits.
  explicit Signature(bool forms = true) noexcept : forms_(forms) {}
  Signature(const Signature&) = delete;
  Signature& operator=(const Signature&) = delete;

  template <class T>
  void argument(const T& value) {
    mark('A');
    visit_leaves(value, *this);
  }

  void operator()(const Tensor& tensor);
  void operator()(const Variable& variable);
  void operator()(const std::string& value);
  void operator()(Size value) { (*this)(value.symbol()); }
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void operator()(const T& value) {
    if constexpr (std::is_enum_v<T>) number('E', &value, sizeof value);
    else if constexpr (std::is_same_v<T, bool>) number('B', &value, sizeof value);
    else if constexpr (std::is_integral_v<T>) number(std::is_signed_v<T> ? 'I' : 'J', &value, sizeof value);
    else {
      double wide = static_cast<double>(value);                           // the padding of a long double has no value
      if (wide != wide) wide = std::numeric_limits<double>::quiet_NaN();  // one of many
      number(sizeof(T) == sizeof(float) ? 'F' : 'D', &wide, sizeof wide);
    }
  }
  void size(std::size_t n) {
    mark('N');
    append(&n, sizeof n);
  }

  std::span<const Tensor> tensors() const noexcept {
    return many_.empty() ? std::span<const Tensor>(few_, count_) : std::span<const Tensor>(many_);
  }
  std::string_view key() const noexcept {
    return long_.empty() ? std::string_view(short_, length_) : std::string_view(long_);
  }
  /// The variables among the leaves; who keeps the key keeps these, so that no other gets their addresses.
  const std::vector<Variable>& variables() const noexcept { return variables_; }

 private:
  void mark(char kind) { append(&kind, 1); }
  void number(char kind, const void* bytes, std::size_t n) {
    const char head[] = {kind, static_cast<char>(n)};
    append(head, 2);
    append(bytes, n);
  }
  void append(const void* bytes, std::size_t n) {
    if (long_.empty() && length_ + n <= sizeof short_) {
      std::memcpy(short_ + length_, bytes, n);
      length_ += n;
    } else {
      append_long(bytes, n);
    }
  }
  void append_long(const void* bytes, std::size_t n);
  void sparse(const Tensor& tensor);

  bool forms_;
  std::size_t count_ = 0, length_ = 0;
  Tensor few_[6];
  std::vector<Tensor> many_;  // all of them, once they are more
  std::vector<Variable> variables_;
  std::string long_;  // the whole key, once it is longer
  char short_[192];
};

}  // namespace keen::detail
