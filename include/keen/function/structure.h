// The leaves of what goes into a compiled function and comes out of it: tensors, variables and plain values, alone or in
// containers, pairs, tuples and aggregates.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "keen/tensor.h"
#include "keen/variable.h"

namespace keen::detail {

template <class T, template <class...> class Template>
inline constexpr bool is_instance = false;
template <class... T, template <class...> class Template>
inline constexpr bool is_instance<Template<T...>, Template> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_leaf = std::is_same_v<T, Tensor> || std::is_same_v<T, Variable> || std::is_arithmetic_v<T> ||
                                std::is_enum_v<T> || std::is_same_v<T, std::string> || std::is_same_v<T, Size>;

/// How many fields an aggregate has: as many as it can be initialised from.
struct AnyField {
  template <class T>
  operator T() const;
};
template <class T, class... Fields>
constexpr std::size_t field_count() {
  if constexpr (requires { T{Fields{}..., AnyField{}}; }) return field_count<T, Fields..., AnyField>();
  else return sizeof...(Fields);
}

/// Calls f(fields…) of an aggregate of up to ten.
template <class T, class F>
void apply_fields(T& value, F&& f) {
  constexpr std::size_t count = field_count<std::remove_const_t<T>>();
  static_assert(count <= 10, "an aggregate of more than ten fields: nest them");
  // A structured binding cannot have a variable number of names.
#define KEEN_FIELDS(n, ...)      \
  if constexpr (count == n) {    \
    auto& [__VA_ARGS__] = value; \
    return f(__VA_ARGS__);       \
  } else
  KEEN_FIELDS(1, a)
  KEEN_FIELDS(2, a, b)
  KEEN_FIELDS(3, a, b, c)
  KEEN_FIELDS(4, a, b, c, d)
  KEEN_FIELDS(5, a, b, c, d, e)
  KEEN_FIELDS(6, a, b, c, d, e, g)
  KEEN_FIELDS(7, a, b, c, d, e, g, h)
  KEEN_FIELDS(8, a, b, c, d, e, g, h, i)
  KEEN_FIELDS(9, a, b, c, d, e, g, h, i, j)
  KEEN_FIELDS(10, a, b, c, d, e, g, h, i, j, k)
#undef KEEN_FIELDS
  f();
}

/// Calls visit(leaf) for each leaf, and visit.size(n) before the elements of what may have any number of them. A class
/// with parts of its own says which through a member `void visit_parts(visitor)`.
template <class T, class Visitor>
void visit_leaves(T& value, Visitor& visit) {
  using U = std::remove_const_t<T>;
  if constexpr (is_leaf<U>) {
    visit(value);
  } else if constexpr (requires { value.visit_parts(visit); }) {
    value.visit_parts(visit);
  } else if constexpr (is_instance<U, std::vector>) {
    visit.size(value.size());
    for (auto& element : value) visit_leaves(element, visit);
  } else if constexpr (is_instance<U, std::optional>) {
    visit.size(value.has_value());
    if (value) visit_leaves(*value, visit);
  } else if constexpr (is_instance<U, std::map>) {
    visit.size(value.size());
    for (auto& [key, element] : value) {
      visit_leaves(key, visit);
      visit_leaves(element, visit);
    }
  } else if constexpr (is_instance<U, std::tuple> || is_instance<U, std::pair> || is_array<U>) {
    std::apply([&](auto&... elements) { (visit_leaves(elements, visit), ...); }, value);
  } else {
    static_assert(
        std::is_aggregate_v<U> && !std::is_union_v<U>,
        "a function takes and gives tensors, variables, numbers, enums, strings, and vectors, maps, optionals, "
        "arrays, pairs, tuples and aggregates of them");
    if constexpr (std::is_aggregate_v<U>)
      apply_fields(value, [&](auto&... fields) { (visit_leaves(fields, visit), ...); });
  }
}

/// Takes the tensors out of a structure, in order.
class TakeTensors {
 public:
  std::vector<Tensor> tensors;
  void operator()(Tensor& tensor) { tensors.push_back(std::move(tensor)); }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}
};

/// Puts the given tensors, which may be undefined, in the place of all of a structure's tensors.
class PutTensors {
 public:
  explicit PutTensors(const std::vector<Tensor>& tensors) : next_(tensors.data()) {}
  void operator()(Tensor& tensor) { tensor = *next_++; }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}

 private:
  const Tensor* next_;
};

/// A sparse tensor as its dense one; any other stays.
class MakeDense {
 public:
  void operator()(Tensor& tensor);
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}
};

// Where tensors come into a function and go out of it, a sparse one counts as two: its values and its indices.

/// A tensor like the sparse one `form`, of these parts.
Tensor with_parts(const Tensor& form, const Tensor& values, const Tensor& indices);

/// Takes the tensors out of a structure, in order, but leaves sparse ones there to say where two belong together.
class TakeResults {
 public:
  std::vector<Tensor> tensors;
  void operator()(Tensor& tensor) {
    if (!tensor.is_sparse()) return tensors.push_back(std::move(tensor));
    tensors.push_back(tensor.values());
    tensors.push_back(tensor.indices());
  }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}
};

/// Puts the given tensors in the place of a structure's, as TakeResults found them.
class PutResults {
 public:
  explicit PutResults(const std::vector<Tensor>& tensors) : next_(tensors.data()) {}
  void operator()(Tensor& tensor) {
    if (tensor.is_sparse()) tensor = with_parts(tensor, next_[0], next_[1]), next_ += 2;
    else tensor = *next_++;
  }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}

 private:
  const Tensor* next_;
};

/// Puts the given tensors in the place of a structure's defined tensors, in order.
class ReplaceArguments {
 public:
  /// Without `parts` a sparse tensor is replaced by a dense one.
  ReplaceArguments(const std::vector<Tensor>& tensors, bool parts) : put_(tensors), parts_(parts) {}
  void operator()(Tensor& tensor) {
    if (!tensor.defined()) return;
    if (!parts_) tensor = Tensor();
    put_(tensor);
  }
  template <class T>
  void operator()(const T&) {}
  void size(std::size_t) {}

 private:
  PutResults put_;
  bool parts_;
};

}  // namespace keen::detail
