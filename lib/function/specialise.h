// From a graph with unknown sizes to one where all are known.
#pragma once
#include <span>

#include "function/graph.h"

namespace keen::detail {

/// The same graph for arguments of these shapes: symbols are sizes, in values and attributes. Sizes that one symbol stands
/// for must agree, else it is a ShapeError.
std::shared_ptr<Graph> specialise(const Graph& graph, std::span<const Shape> arguments);

/// The sizes that symbols have in one call.
class Bindings {
 public:
  explicit Bindings(int symbols) : sizes_(static_cast<std::size_t>(symbols), -1) {}
  void bind(const Shape& symbolic, const Shape& actual, const char* what);
  void substitute(Shape& dims) const;
  /// In the attributes of a node that are shapes.
  void substitute(const Op& op, std::vector<Attribute>& attributes) const;

 private:
  std::vector<std::int64_t> sizes_;
};

}  // namespace keen::detail
