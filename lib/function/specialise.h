// From a graph with unknown sizes to one where all are known.
#pragma once
#include <optional>
#include <span>

#include "function/graph.h"

namespace keen::detail {

/// A graph for arguments whose shapes are known.
struct Specialised {
  std::shared_ptr<Graph> graph;
  // What comes after the first branch or loop whose results have sizes that are known only when it has run; null if there
  // is none. It takes the results of `graph` and gives those of the whole.
  std::shared_ptr<Graph> rest;
};

/// The same graph for arguments of these shapes: symbols are sizes, in values and attributes. Sizes that one symbol stands
/// for must agree, else it is a ShapeError.
Specialised specialise(const Graph& graph, std::span<const Shape> arguments);

/// The sizes that symbols have in one call.
class Bindings {
 public:
  /// The table must live as long.
  explicit Bindings(const SizeTable& symbols) : symbols_(symbols), sizes_(at(symbols.count()), unknown) {}
  void bind(const Shape& symbolic, const Shape& actual, const char* what);
  void substitute(Shape& dims) const;
  /// In the attributes of a node that are shapes.
  void substitute(const Op& op, std::vector<Attribute>& attributes) const;

 private:
  std::optional<std::int64_t> size_of(std::int64_t dim) const;

  const SizeTable& symbols_;
  std::vector<std::int64_t> sizes_;  // or symbols of another trace; unknown
};

}  // namespace keen::detail
