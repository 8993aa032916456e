// The order of the passes, and what they share.
#include "function/passes/passes.h"

#include <map>
#include <numeric>

#include "core/message.h"

namespace keen::detail {

std::span<const Pass> all_passes() {
  static constexpr Pass passes[] = {
      {"prune", prune},
      {"reads of writes", reads_of_writes},
      {"products out of loops", products_out_of_loops},
      {"join slices", join_slices},
      {"lift slices", lift_slices},
      {"fold constants", fold_constants},
      {"simplify", simplify},
      {"transposes into products", transposes_into_products},
      {"merge common", merge_common},
      {"prune again", prune},
      {"writes last", writes_last},
  };
  return passes;
}

namespace {

std::map<std::string, int> counts(const Graph& graph) {
  std::map<std::string, int> out;
  for (const auto& node : graph.nodes) ++out[node.op->name];
  return out;
}

/// The operations of which there are fewer than before.
std::string removed(const std::map<std::string, int>& before, const std::map<std::string, int>& after) {
  std::string out;
  for (const auto& [name, count] : before) {
    const auto left = after.find(name);
    const int gone = count - (left == after.end() ? 0 : left->second);
    if (gone > 0) out += text(out.empty() ? ": " : ", ", gone > 1 ? text(gone, ' ') : "", name);
  }
  return out;
}

}  // namespace

std::vector<PassReport> run_passes(Graph& graph) {
  std::vector<PassReport> reports;
  for (const Pass& pass : all_passes()) {
    const int before = static_cast<int>(graph.nodes.size());
    const auto present = counts(graph);
    const int changed = pass.run(graph);
    reports.push_back(
        {pass.name, before, static_cast<int>(graph.nodes.size()), changed,
         changed ? removed(present, counts(graph)) : ""});
#ifndef NDEBUG
    graph.check();
#endif
  }
  return reports;
}

Renaming::Renaming(const Graph& graph) : names_(graph.values.size()) { std::iota(names_.begin(), names_.end(), 0); }

void Renaming::rename_inputs(Node& node) const {
  for (int& value : node.inputs) value = (*this)(value);
}

void Renaming::rename_results(Graph& graph) const {
  for (int& value : graph.results) value = (*this)(value);
}

std::vector<int> makers(const Graph& graph) {
  std::vector<int> of(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (int value : graph.nodes[i].outputs) of[static_cast<std::size_t>(value)] = static_cast<int>(i);
  return of;
}

}  // namespace keen::detail
