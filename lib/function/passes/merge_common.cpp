// Common subexpressions: equal operations on equal inputs are one, and so are equal small constants.
#include <bit>
#include <cstring>
#include <string>
#include <unordered_map>

#include "function/passes/passes.h"

namespace keen::detail {
namespace {

constexpr std::int64_t largest_compared = 4096;

/// Bytes that are equal exactly where nodes or constants are.
class Key {
 public:
  Key& add(std::int64_t number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
    return *this;
  }
  Key& add(const Shape& shape) {
    add(shape.rank());
    for (auto dim : shape) add(dim);
    return *this;
  }
  Key& add(const Attribute& attribute) {
    add(static_cast<std::int64_t>(attribute.index()));
    std::visit([this](const auto& content) { add_content(content); }, attribute);
    return *this;
  }
  std::string bytes;

 private:
  void add_content(std::monostate) {}
  void add_content(std::int64_t v) { add(v); }
  void add_content(double v) { add(std::bit_cast<std::int64_t>(v)); }
  void add_content(bool v) { add(std::int64_t{v}); }
  void add_content(DType v) { add(static_cast<std::int64_t>(v)); }
  void add_content(const Shape& v) { add(v); }
  void add_content(const std::string& v) { add(static_cast<std::int64_t>(v.size())).bytes += v; }
  void add_content(Device v) { add(static_cast<std::int64_t>(v.type)).add(v.index); }
  void add_content(const std::shared_ptr<void>& v) { add(reinterpret_cast<std::int64_t>(v.get())); }
};

/// Reads are left alone: what lies between two of them may have written.
bool is_pure(const Node& node) { return !node.outputs.empty() && node.op != &read_variable_op && !is_root(node); }

std::string key_of(const Node& node) {
  Key key;
  key.add(reinterpret_cast<std::int64_t>(node.op)).add(static_cast<std::int64_t>(node.inputs.size()));
  for (int value : node.inputs) key.add(std::int64_t{value});
  for (const auto& attribute : node.attributes) key.add(attribute);
  return key.bytes;
}

int merge_constants(Graph& graph, Renaming& names) {
  std::unordered_map<std::string, int> seen;
  return static_cast<int>(std::erase_if(graph.constants, [&](const Constant& constant) {
    const Tensor& t = constant.tensor;
    if (!t.device().is_cpu() || !t.is_contiguous() || t.nbytes() > largest_compared) return false;
    Key key;
    key.add(static_cast<std::int64_t>(t.dtype())).add(t.shape());
    key.bytes.append(t.impl()->as<char>(), t.nbytes());
    const auto [place, is_new] = seen.try_emplace(std::move(key.bytes), constant.value);
    if (!is_new) names.rename(constant.value, place->second);
    return !is_new;
  }));
}

/// Symbols that stand for the same size, because what they were made for is one.
class Symbols {
 public:
  explicit Symbols(const Graph& graph) : names_(at(graph.symbols.count())) {
    for (std::size_t i = 0; i < names_.size(); ++i) names_[i] = symbol(static_cast<int>(i));
  }
  /// From here on the symbols of one shape are called as in the other.
  void merge(const Shape& shape, const Shape& by) {
    for (int axis = 0; axis < shape.rank(); ++axis)
      if (is_symbol(shape[axis]) && is_symbol(by[axis]) && shape[axis] != by[axis]) {
        names_[at(symbol_number(shape[axis]))] = renamed(by[axis]);
        any_ = true;
      }
  }
  void rename(Node& node) const {
    if (!any_) return;
    for (std::size_t i = 0; i < node.attributes.size(); ++i)
      if (node.op->attributes[i].kind == AttributeKind::shape)
        if (auto* shape = std::get_if<Shape>(&node.attributes[i])) rename(*shape);
  }
  void rename_values(Graph& graph) const {
    if (!any_) return;
    for (auto& value : graph.values) rename(value.shape);
    graph.symbols.rename(names_);
  }

 private:
  std::int64_t renamed(std::int64_t dim) const { return is_symbol(dim) ? names_[at(symbol_number(dim))] : dim; }
  void rename(Shape& shape) const {
    for (auto& dim : shape) dim = renamed(dim);
  }
  std::vector<std::int64_t> names_;
  bool any_ = false;
};

}  // namespace

int merge_common(Graph& graph) {
  Renaming names(graph);
  int changed = merge_constants(graph, names);
  Symbols symbols(graph);
  std::unordered_map<std::string, std::vector<int>> seen;  // key to outputs
  changed += static_cast<int>(std::erase_if(graph.nodes, [&](Node& node) {
    names.rename_inputs(node);
    symbols.rename(node);
    if (!is_pure(node)) return false;
    const auto [place, is_new] = seen.try_emplace(key_of(node), node.outputs);
    if (is_new || place->second.size() != node.outputs.size()) return false;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const int by = place->second[i];
      names.rename(node.outputs[i], by);
      symbols.merge(graph.values[at(node.outputs[i])].shape, graph.values[at(by)].shape);
    }
    return true;
  }));
  symbols.rename_values(graph);
  names.rename_results(graph);
  return changed;
}

}  // namespace keen::detail
