// The leaves of what goes into a compiled function and comes out of it: tensors, variables and plain values, alone or in
// vectors, arrays, pairs and tuples.
#pragma once
#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "keen/tensor.h"
#include "keen/variable.h"

namespace keen::detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;
template <class T, std::size_t N>
inline constexpr bool is_tuple<std::array<T, N>> = true;

/// Calls visit(leaf) for each leaf, and visit.size(n) before the elements of a vector.
template <class T, class Visitor>
void visit_leaves(T& value, Visitor& visit) {
  using U = std::remove_const_t<T>;
  if constexpr (std::is_same_v<U, Tensor> || std::is_same_v<U, Variable> || std::is_arithmetic_v<U> || std::is_enum_v<U> ||
                std::is_same_v<U, std::string>) {
    visit(value);
  } else if constexpr (is_vector<U>) {
    visit.size(value.size());
    for (auto& element : value) visit_leaves(element, visit);
  } else if constexpr (is_tuple<U>) {
    std::apply([&](auto&... elements) { (visit_leaves(elements, visit), ...); }, value);
  } else {
    static_assert(is_vector<U>, "a function takes and gives tensors, variables, numbers, enums, strings, and vectors, "
                                "arrays, pairs and tuples of them");
  }
}

/// What tells calls of a function apart, and the tensors a call brings.
class Signature {
 public:
  std::vector<Tensor> tensors;
  std::string key;  // everything but the tensors

  void operator()(const Tensor& tensor) {
    key += 'T';
    tensors.push_back(tensor);
  }
  void operator()(const Variable& variable) {
    const void* identity = variable.state().get();
    key += 'V';
    add(&identity, sizeof identity);
  }
  void operator()(const std::string& value) {
    key += 'S';
    size(value.size());
    key += value;
  }
  template <class T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void operator()(const T& value) {
    key += std::is_floating_point_v<T> ? 'F' : std::is_same_v<T, bool> ? 'B' : 'I';
    key += static_cast<char>(sizeof(T));
    if constexpr (std::is_same_v<T, long double>) {
      const auto narrow = static_cast<double>(value);  // its padding has no value
      add(&narrow, sizeof narrow);
    } else {
      add(&value, sizeof value);
    }
  }
  void size(std::size_t n) { add(&n, sizeof n); }

 private:
  void add(const void* bytes, std::size_t n) { key.append(static_cast<const char*>(bytes), n); }
};

/// Puts the given tensors in the place of a structure's tensors, in order.
class ReplaceTensors {
 public:
  explicit ReplaceTensors(const std::vector<Tensor>& tensors) : next_(tensors.data()) {}
  void operator()(Tensor& tensor) { tensor = *next_++; }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}

 private:
  const Tensor* next_;
};

/// Takes the tensors out of a structure, in order.
class TakeTensors {
 public:
  std::vector<Tensor> tensors;
  void operator()(Tensor& tensor) { tensors.push_back(std::move(tensor)); }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}
};

}  // namespace keen::detail
