// The description of a fused kernel that both generators, LLVM and CUDA, walk: loads, scalar functions, reductions, stores.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "keen/dtype.h"
#include "scalar/function.h"

namespace keen::detail::fusion {

// A kernel runs over rows of n elements, both sizes given at run time. A node has one value per element, or one value
// per row when it depends on nothing but broadcast inputs, constants and reductions. What differs in sizes, outer
// strides and addresses only is the same kernel.

/// How an operand lies along a row.
enum class Access : std::uint8_t {
  contiguous,
  broadcast,  // one element for the whole row
  strided,    // a stride given at run time
};

enum class NodeKind : std::uint8_t { input, constant, function, cast, select, reduce };

/// One value. Operands are numbers of earlier nodes; unused ones are -1.
struct Node {
  NodeKind kind = NodeKind::input;
  DType dtype = DType::float32;
  scalar::Function function = scalar::Function::none;  // of a function; of a reduce the one that joins two elements
  Access access = Access::contiguous;                  // of an input
  int operands[3] = {-1, -1, -1};                      // select: condition, a, b
  std::int64_t bits = 0;                               // of a constant: the value's bits, zero-extended

  bool operator==(const Node&) const = default;
};

/// The values of a kernel in an order in which operands come first, and which of them are stored.
class Kernel {
 public:
  int input(DType dtype, Access access = Access::contiguous);
  int constant(DType dtype, double value);
  /// Applies a scalar function; operands have one dtype, comparisons and predicates give bool.
  int apply(scalar::Function function, int a, int b = -1);
  int cast(int a, DType dtype);
  int select(int condition, int a, int b);
  /// Joins the elements of a row with add, multiply, maximum or minimum.
  int reduce(scalar::Function function, int a);
  /// Adds a node as it is, operands numbered as here.
  int append(const Node& node);
  /// Stores a node: an element each, or one value per row.
  void store(int node);
  /// Promises that no row has more elements, so that one register may hold a row; 0 promises nothing.
  void limit_rows(int elements) noexcept { most_elements_ = elements; }
  int most_elements() const noexcept { return most_elements_; }
  /// Keeps a node's elements from the first pass over a row that computes them for the later ones, which then read them.
  void keep(int node);

  std::span<const Node> nodes() const noexcept { return nodes_; }
  std::span<const int> stores() const noexcept { return stores_; }
  /// The nodes that are kept; each is an operand of the code behind the stores: a row of scratch memory.
  std::span<const int> kept() const noexcept { return kept_; }
  /// The input nodes, in the order of their operands.
  std::span<const int> inputs() const noexcept { return inputs_; }
  /// The place of an input node among them.
  std::size_t operand_of(int input) const;
  const Node& operator[](int node) const { return nodes_[static_cast<std::size_t>(node)]; }

  /// The same kernel with other accesses (one per input); what a launch asks for once it has seen the layouts.
  Kernel with_access(std::span<const Access> accesses) const;
  /// Throws InternalError unless operands come first, dtypes fit and something is stored.
  void check() const;
  /// One line a node: "%2: float32 = multiply(%0, %1)".
  std::string to_string() const;
  /// Everything that code depends on, as bytes: the key of caches and what a plugin is handed.
  std::string content() const;
  /// Reads `content` back; throws InternalError when it is not one.
  static Kernel from_content(std::string_view bytes);

 private:
  std::vector<Node> nodes_;
  std::vector<int> inputs_, stores_, kept_;
  int most_elements_ = 0;
};

/// What follows from a kernel's structure.
struct Analysis {
  std::vector<bool> per_element;  // a node: one value per element?
  // Reading a row again after each reduction that something waits for: a node belongs to the first pass in which its
  // value can be known; a reduce to the pass that gathers it.
  std::vector<int> pass;
  std::vector<int> kept_in;  // of a kept node: the pass that computes it; else -1
  int passes = 1;
  bool has_reduction = false;
  bool stores_elements = false;
};
Analysis analyse(const Kernel& kernel);
/// Does any node take what a reduction gives?
bool something_waits(const Kernel& kernel);
/// The nodes a pass over a row works on: its reductions, its element stores, and the elements these need, as far back as
/// to inputs and to what an earlier pass has kept.
std::vector<bool> needed_in(const Kernel& kernel, const Analysis& facts, int pass);

/// Does a pass read the node's elements from where an earlier one has kept them?
inline bool is_recalled(const Analysis& facts, int node, int pass) {
  const int kept_in = facts.kept_in[static_cast<std::size_t>(node)];
  return kept_in >= 0 && kept_in < pass;
}
/// The kernel, with those values kept besides that are dearer to compute again than to read back.
Kernel with_kept_values(const Kernel& kernel);

/// A kernel that reduces whole rows, cut in two: `partial` runs over pieces of rows and stores what each gives, then the
/// elements of the original's stores; `finish` reduces what the pieces gave and does what follows. Sums then do not depend
/// on who ran which piece. Not possible where elements or other reductions wait for a reduction.
struct SplitReduction {
  bool possible = false;
  Kernel partial, finish;
  std::vector<int> partial_inputs;                 // which inputs of the original partial takes
  std::vector<int> finish_inputs;                  // and which (all broadcast) finish takes, behind the partials
  std::vector<int> partial_stores, finish_stores;  // which stores of the original each makes
};
SplitReduction split_reduction(const Kernel& kernel);

/// What a reduction starts from, as constant bits.
std::int64_t identity_bits(scalar::Function function, DType dtype);
/// The bits of `value` in a dtype.
std::int64_t constant_bits(DType dtype, double value);
/// "multiply", as functions.def names it.
const char* name(scalar::Function function) noexcept;
/// How a function's result type follows from its operands' type.
scalar::Kind kind(scalar::Function function) noexcept;
/// What a function costs, in instructions for a register of elements, as functions.def says.
int cost(scalar::Function function) noexcept;
/// The same for any node of a kernel.
int cost(const Kernel& kernel, const Node& node);

}  // namespace keen::detail::fusion
