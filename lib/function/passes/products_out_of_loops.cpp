// Products that loops compute turn by turn, as one product of all turns:
//   what turns compute from what all of them see     is computed once, before the loop;
//   turns that need x[t]·W                find a slice of X·W, computed before the loop;
//   sums over turns of a[t]ᵀ·b[t]         are AᵀB of the stacked a and b, behind the loop, and Σ b[t] likewise;
//   stacked results a[t]·W                are A·W.
// Large products run near the machine's limit where small ones do not, and sums need no pass over memory a turn. The order
// of additions changes, within the tolerance of products.
#include <algorithm>

#include "function/loop.h"
#include "function/passes/passes.h"
#include "function/specialise.h"

namespace keen::detail {

extern const Op matmul_op, reshape_op, sum_op;

namespace {

// Memory that stacks of one loop may take beside what the loop stacks anyway.
constexpr std::int64_t most_bytes = std::int64_t{64} << 20;

int place_of(const std::vector<int>& values, int value) {
  const auto found = std::find(values.begin(), values.end(), value);
  return found == values.end() ? -1 : static_cast<int>(found - values.begin());
}

std::int64_t bytes_of(const Value& value) {
  return value.shape.num_elements() * static_cast<std::int64_t>(size_of(value.dtype));
}

/// One loop on its way to another.
class Rewrite {
 public:
  Rewrite(Graph& outer, Node& node) : outer_(outer), node_(node) {}

  /// Rewrites the node; `before` and `after` are what now stands around it. False if there is nothing to gain.
  bool run() {
    if (*std::get_if<std::shared_ptr<void>>(&node_.attributes[0])) return false;  // nobody knows how often it turns
    for (const auto* values : {&node_.inputs, &node_.outputs})
      for (int v : *values)
        if (!outer_.values[at(v)].shape.is_known()) return false;
    loop_ = loop_form(node_.attributes);
    if (!loop_.packed.empty() || !loop_.unpacked.empty()) return false;
    if (!loop_.scanned && loop_.length.empty()) return false;
    turns_ = loop_.scanned ? outer_.values[at(node_.inputs[loop_.carried])].shape[0] : loop_.length[0];
    if (turns_ < 2 || !take_body()) return false;
    transposes_into_products(*loop_.body);
    makers_ = makers(*loop_.body);
    count_uses();
    own_ = results().size() - loop_.carried;
    const bool invariants = hoist_invariants(), hoisted = hoist();
    const bool summed = sum_behind(), sunk = sink();
    if (!invariants && !hoisted && !summed && !sunk) return false;
    prune(*loop_.body);
    node_.attributes = loop_attributes_of(loop_);
    return true;
  }

  std::vector<Node> before, after;

 private:
  const Value& inside(int v) const { return loop_.body->values[at(v)]; }
  std::vector<int>& inputs() { return loop_.body->inputs; }
  std::vector<int>& results() { return loop_.body->results; }
  const Node* maker(int v) const { return makers_[at(v)] < 0 ? nullptr : &loop_.body->nodes[at(makers_[at(v)])]; }
  bool is_product(const Node* n, bool transpose_a) const {
    return n && n->op == &matmul_op && boolean(n->attributes[0]) == transpose_a &&
           inside(n->inputs[0]).shape.rank() == 2 && inside(n->inputs[1]).shape.rank() == 2;
  }
  bool is_scanned(int v) {
    const int place = place_of(inputs(), v);
    return place >= 0 && at(place) >= loop_.carried && at(place) < loop_.carried + loop_.scanned;
  }
  bool is_rest(int v) { return place_of(inputs(), v) >= static_cast<int>(loop_.carried + loop_.scanned); }
  int operand(int v) { return node_.inputs[at(place_of(inputs(), v))]; }

  /// The body for the sizes at hand.
  bool take_body() {
    const Graph& body = resource<Part>(node_.attributes[1]).graph();
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      shapes.push_back(outer_.values[at(node_.inputs[i])].shape);
      if (i >= loop_.carried && i < loop_.carried + loop_.scanned) shapes.back().erase(0);
    }
    Specialised made{body.copy(), nullptr};
    if (!body.symbols.empty()) made = specialise(body, shapes);
    loop_.body = std::move(made.graph);
    return !made.rest;
  }

  void count_uses() {
    uses_.assign(loop_.body->values.size(), 0);
    for (const auto& n : loop_.body->nodes)
      for (int v : n.inputs) ++uses_[at(v)];
    for (int v : results()) ++uses_[at(v)];
  }

  int new_value(const Value& like, Shape shape) {
    return outer_.add_value({like.dtype, std::move(shape), like.device, {}});
  }
  Shape stacked(Shape row) const {
    row.insert(0, turns_);
    return row;
  }
  bool may_add(std::int64_t bytes) {
    if (added_ + bytes > most_bytes) return false;
    added_ += bytes;
    return true;
  }

  const Constant* constant(int v) const {
    for (const auto& c : loop_.body->constants)
      if (c.value == v) return &c;
    return nullptr;
  }
  int constant_outside(int v) {
    const int outside = new_value(inside(v), inside(v).shape);
    outer_.constants.push_back({outside, constant(v)->tensor});
    return outside;
  }

  /// What no turn changes, unless it is larger than what it is made from.
  bool hoist_invariants() {
    const auto is_hoisted = [&](const Node& n) {
      const bool is_pure = !is_root(n) && !n.op->random && !n.op->may_raise && !n.op->composite;
      if (!is_pure || n.inputs.empty() || n.outputs.size() != 1) return false;
      std::int64_t bytes = 0;
      for (int v : n.inputs) {
        if (!is_rest(v) && !constant(v)) return false;
        bytes += bytes_of(inside(v));
      }
      const int made = n.outputs[0];
      if (bytes_of(inside(made)) > bytes) return false;
      const int outside = new_value(inside(made), inside(made).shape);
      std::vector<int> operands;
      for (int v : n.inputs) operands.push_back(is_rest(v) ? operand(v) : constant_outside(v));
      before.push_back({n.op, std::move(operands), n.attributes, {outside}});
      inputs().push_back(made);
      node_.inputs.push_back(outside);
      return true;
    };
    return std::erase_if(loop_.body->nodes, is_hoisted) > 0;
  }

  bool hoist() {
    auto& nodes = loop_.body->nodes;
    const auto is_hoisted = [&](const Node& n) {
      if (!is_product(&n, false) || !is_scanned(n.inputs[0]) || !is_rest(n.inputs[1])) return false;
      const int made = n.outputs[0];
      if (!may_add(turns_ * bytes_of(inside(made)))) return false;
      const int all = new_value(inside(made), stacked(inside(made).shape));
      before.push_back({&matmul_op, {operand(n.inputs[0]), operand(n.inputs[1])}, n.attributes, {all}});
      const auto end = static_cast<std::ptrdiff_t>(loop_.carried + loop_.scanned++);
      inputs().insert(inputs().begin() + end, made);
      node_.inputs.insert(node_.inputs.begin() + end, all);
      return true;
    };
    const bool changed = std::erase_if(nodes, is_hoisted) > 0;
    makers_ = makers(*loop_.body);
    return changed;
  }

  /// The outer value that has a value of all turns; the loop stacks it if nothing has it yet. -1 for none.
  int all_turns(int v) {
    if (is_scanned(v)) return operand(v);
    if (is_rest(v)) return -1;
    const auto begin = results().begin() + static_cast<std::ptrdiff_t>(loop_.carried);
    const auto found = std::find(begin, results().end(), v);
    if (found == results().end()) {
      results().push_back(v);
      node_.outputs.push_back(new_value(inside(v), stacked(inside(v).shape)));
      return node_.outputs.back();
    }
    return node_.outputs[static_cast<std::size_t>(found - results().begin())];
  }
  bool is_stacked(int v) {
    return is_scanned(v) ||
           std::find(results().begin() + static_cast<std::ptrdiff_t>(loop_.carried), results().end(), v) !=
               results().end();
  }
  /// Bytes a turn that stacking a value costs.
  std::int64_t price(int v) { return is_stacked(v) ? 0 : bytes_of(inside(v)); }

  /// What a carried tensor gains each turn, if it is a sum that nothing else looks at; else null.
  const Node* gain(std::size_t carried) {
    const int found = inputs()[carried], left = results()[carried];
    const Node* sum = maker(left);
    if (!sum || sum->op->scalar != scalar::Function::add || sum->inputs[0] != found || uses_[at(found)] != 1 ||
        uses_[at(left)] != 1 || uses_[at(sum->inputs[1])] != 1 || inside(left).shape != inside(sum->inputs[1]).shape)
      return nullptr;
    return maker(sum->inputs[1]);
  }

  bool sum_behind() {
    bool changed = false;
    for (const bool products : {true, false})  // sums of what products have stacked cost no more
      for (std::size_t i = loop_.carried; i-- > 0;)
        if (const Node* n = gain(i); n && (products ? add_products(i, *n) : add_sums(i, *n))) {
          drop(i);
          changed = true;
        }
    return changed;
  }

  /// Σ aᵀb over the turns, behind the loop.
  bool add_products(std::size_t carried, const Node& n) {
    if (!is_product(&n, true) || boolean(n.attributes[1])) return false;
    const int a = n.inputs[0], b = n.inputs[1];
    if (is_rest(a) || is_rest(b)) return false;
    const std::int64_t price_of_both = price(a) + price(b);
    if (price_of_both > 2 * bytes_of(inside(n.outputs[0])) || !may_add(turns_ * price_of_both)) return false;
    add_behind(carried, product_node(n, flat(a), flat(b)));
    return true;
  }
  Node product_node(const Node& n, int a, int b) {
    const Value& made = inside(n.outputs[0]);
    return {&matmul_op, {a, b}, n.attributes, {new_value(made, made.shape)}};
  }
  /// All turns of a matrix, row under row.
  int flat(int v) {
    const int all = all_turns(v);
    const Shape& row = inside(v).shape;
    const Shape shape{turns_ * row[0], row[1]};
    after.push_back({&reshape_op, {all}, {shape}, {new_value(inside(v), shape)}});
    return after.back().outputs[0];
  }

  /// Σ of a sum over axes, perhaps reshaped, of what is stacked.
  bool add_sums(std::size_t carried, const Node& n) {
    const Node* sum = n.op == &reshape_op ? maker(n.inputs[0]) : &n;
    if (!sum || sum->op != &sum_op || !is_stacked(sum->inputs[0])) return false;
    Shape axes{0}, shape = inside(sum->outputs[0]).shape;
    for (auto axis : ints(sum->attributes[0])) axes.push_back(axis + 1);
    const bool keeps = boolean(sum->attributes[1]);
    if (keeps) shape.insert(0, 1);
    const Value& made = inside(n.outputs[0]);
    after.push_back({&sum_op, {all_turns(sum->inputs[0])}, {axes, keeps}, {new_value(inside(sum->outputs[0]), shape)}});
    add_behind(carried, {&reshape_op, {after.back().outputs[0]}, {made.shape}, {new_value(made, made.shape)}});
    return true;
  }

  /// The carried tensor's result is its first value and what `node` gives.
  void add_behind(std::size_t carried, Node node) {
    const Node* sum = maker(results()[carried]);
    const int gained = node.outputs[0];
    after.push_back(std::move(node));
    after.push_back({sum->op, {node_.inputs[carried], gained}, sum->attributes, {node_.outputs[carried]}});
  }

  void drop(std::size_t carried) {
    const auto place = static_cast<std::ptrdiff_t>(carried);
    for (auto* list : {&inputs(), &results(), &node_.inputs, &node_.outputs}) list->erase(list->begin() + place);
    --loop_.carried;
  }

  /// Of the results that the loop had: those that were added are taken up behind it already.
  bool sink() {
    bool changed = false;
    for (std::size_t i = loop_.carried; i < loop_.carried + own_; ++i) {
      const Node* n = maker(results()[i]);
      if (!is_product(n, false) || uses_[at(results()[i])] != 1 || !is_rest(n->inputs[1]) || is_rest(n->inputs[0]))
        continue;
      if (price(n->inputs[0]) > bytes_of(inside(results()[i]))) continue;
      const int made = node_.outputs[i];
      const Node product = *n;
      results().erase(results().begin() + static_cast<std::ptrdiff_t>(i));
      node_.outputs.erase(node_.outputs.begin() + static_cast<std::ptrdiff_t>(i--));
      --own_;
      after.push_back(
          {&matmul_op, {all_turns(product.inputs[0]), operand(product.inputs[1])}, product.attributes, {made}});
      changed = true;
    }
    return changed;
  }

  Graph& outer_;
  Node& node_;
  Loop loop_;
  std::vector<int> makers_, uses_;
  std::size_t own_ = 0;  // stacked results
  std::int64_t turns_ = 0, added_ = 0;
};

}  // namespace

int products_out_of_loops(Graph& graph) {
  int changed = 0;
  std::vector<Node> nodes;
  for (Node& node : std::exchange(graph.nodes, {})) {
    if (node.op != &loop_op && node.op != &loop_with_effects_op) {
      nodes.push_back(std::move(node));
      continue;
    }
    Rewrite rewrite(graph, node);
    changed += rewrite.run();
    for (Node& before : rewrite.before) nodes.push_back(std::move(before));
    nodes.push_back(std::move(node));
    for (Node& after : rewrite.after) nodes.push_back(std::move(after));
  }
  graph.nodes = std::move(nodes);
  return changed;
}

}  // namespace keen::detail
