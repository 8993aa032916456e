// The passes over a graph: each keeps what the graph computes, bit for bit but for one, and says how many nodes it changed.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "function/graph.h"

namespace keen::detail {

/// Nodes whose inputs are all constants become constants, unless their value is large.
int fold_constants(Graph& graph);
/// Equal nodes of equal inputs, and equal small constants, become one.
int merge_common(Graph& graph);
/// Identities that hold for every bit pattern: x·1, −(−x), views of views, casts that cancel.
int simplify(Graph& graph);
/// A transposition of the last two axes before a product becomes the product's own flag.
int transposes_into_products(Graph& graph);
/// A read of what the same graph has written becomes the written value; an assignment that nothing sees vanishes.
int reads_of_writes(Graph& graph);
/// Does the node write variables, and nothing else besides?
bool is_write(const Node& node) noexcept;
/// Products that loops compute turn by turn become products of all turns, before or behind the loop. This one does not keep
/// every bit: sums of products are added in another order.
int products_out_of_loops(Graph& graph);
/// slice(f(a, b)) becomes f(slice(a), slice(b)) where only slices that share nothing want f(a, b): kernels then compute
/// what else they need of them in one go.
int lift_slices(Graph& graph);
/// Sums of tensors that are zero but for one slice each become a join of the slices.
int join_slices(Graph& graph);
/// Variable writes move behind everything that may raise, where no later read stands in the way: a call that fails then
/// leaves variables as they were.
int writes_last(Graph& graph);

struct Pass {
  const char* name;
  int (*run)(Graph&);
};
/// All of them, in the order in which they help each other.
std::span<const Pass> all_passes();

/// What one pass did, for explain().
struct PassReport {
  const char* name;
  int before, after, changed;
  std::string removed;  // ": exp, 2 add"
};
/// Runs all passes; checks the graph after each where assertions are on.
std::vector<PassReport> run_passes(Graph& graph);

/// Values that stand for others while a pass walks the nodes in their order.
class Renaming {
 public:
  explicit Renaming(const Graph& graph);
  int operator()(int value) const { return value < 0 ? value : names_[static_cast<std::size_t>(value)]; }
  /// From here on `value` is called `by`, which must not be renamed itself.
  void rename(int value, int by) { names_[static_cast<std::size_t>(value)] = by; }
  void rename_inputs(Node& node) const;
  void rename_results(Graph& graph) const;

 private:
  std::vector<int> names_;
};

/// The node that makes each value, or -1.
std::vector<int> makers(const Graph& graph);

}  // namespace keen::detail
