// Pieces of what is shown of graphs, as text and for Graphviz.
#pragma once
#include "function/graph.h"

namespace keen::detail {

/// "float32(?, 3) on gpu:0 'z'"
std::string described(const Value& value);
/// " axis=1 keepdims=true": what differs from the ordinary, behind the name of the operation.
std::string attributes_of(const Node& node);
/// Small numbers stand where they are used.
bool is_inline(const Tensor& constant);
/// Every line two places further to the right.
std::string indented(const std::string& lines);

/// A part that a node holds: "body", "branch 1".
struct NamedPart {
  std::string name;
  const Graph* graph;
};
std::vector<NamedPart> named_parts(const Node& node);

/// A graph (perhaps none) as a cluster; `prefix` keeps the names of its nodes apart from others'.
std::string dot_cluster(const std::string& prefix, const std::string& label, const Graph* graph);
/// An edge between clusters.
std::string dot_edge(const std::string& from, const std::string& to, const std::string& label);
std::string dot_document(const std::string& content);

}  // namespace keen::detail
