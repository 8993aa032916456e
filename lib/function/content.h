// Content: bytes that are equal where what was added is, for keys of caches.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/op.h"

namespace keen::detail {

class Content {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void add(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void add(std::monostate) {}
  void add(const Shape& shape) { add(shape.to_vector()); }
  void add(const std::string& text) { add(text.size()), bytes_ += text; }
  /// By its address: whoever keeps the key keeps the object.
  void add(const std::shared_ptr<void>& object) { add(object.get()); }
  void add(const Attribute& attribute) {
    add(attribute.index());
    std::visit([this](const auto& content) { add(content); }, attribute);
  }
  template <class T>
  void add(const std::vector<T>& list) {
    add(list.size());
    for (const T& element : list) add(element);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace keen::detail
