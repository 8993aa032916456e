// Slices, which are views, move up through elementwise operations; sums of the gradients of slices become one join.
#include <algorithm>
#include <list>

#include "core/context.h"
#include "function/fuse.h"
#include "function/passes/passes.h"
#include "keen/creation.h"

namespace keen::detail {

extern const Op add_op, concat_op, slice_gradient_op, slice_op;

namespace {

// Narrower slices would make kernels read scattered elements.
constexpr std::int64_t narrowest = 16;
// Each is compared with each.
constexpr std::size_t most_slices = 64;

/// The nodes of a graph while some are put before others.
class Rewriting {
 public:
  explicit Rewriting(Graph& graph)
      : graph_(graph),
        nodes_(graph.nodes.begin(), graph.nodes.end()),
        users_(graph.values.size()),
        is_result_(graph.values.size()) {
    for (auto n = nodes_.begin(); n != nodes_.end(); ++n) note_uses(n);
    for (int v : graph.results)
      if (v >= 0) is_result_[at(v)] = true;
  }

 protected:
  using Place = std::list<Node>::iterator;
  const Value& value(int v) const { return graph_.values[at(v)]; }
  int add_value(Value made) {
    users_.emplace_back();
    is_result_.push_back(false);
    return graph_.add_value(std::move(made));
  }
  void note_uses(Place n) {
    for (int v : n->inputs) users_[at(v)].push_back(n);
  }
  void put_before(Place place, Node made) { note_uses(nodes_.insert(place, std::move(made))); }
  void finish() { graph_.nodes.assign(nodes_.begin(), nodes_.end()); }

  Graph& graph_;
  std::list<Node> nodes_;
  std::vector<std::vector<Place>> users_;  // a value
  std::vector<bool> is_result_;
};

/// slice(f(a, b)) is f(slice(a), slice(b)), where nothing wants f(a, b) but slices that share no element.
class Lifting : Rewriting {
 public:
  using Rewriting::Rewriting;

  int run() {
    int changed = 0;
    for (auto n = nodes_.end(); n != nodes_.begin();) {
      --n;
      if (n->outputs.size() != 1 || !is_pointwise(graph_, *n) || !is_sliced_only(n->outputs[0])) continue;
      for (const Place slice : users_[at(n->outputs[0])]) lift(*n, slice);
      for (int v : n->inputs) std::erase(users_[at(v)], n);
      n = nodes_.erase(n);
      ++changed;
    }
    finish();
    return changed;
  }

 private:
  bool is_sliced_only(int v) const {
    const auto& users = users_[at(v)];
    const Shape& whole = value(v).shape;
    if (is_result_[at(v)] || users.size() < 2 || users.size() > most_slices || !whole.is_known()) return false;
    for (const Place& n : users) {
      if (n->op != &slice_op || ints(n->attributes[2]) != Shape::filled(whole.rank(), 1)) return false;
      const Shape& size = ints(n->attributes[1]);
      if (size[-1] < narrowest && size[-1] != whole[-1]) return false;
    }
    for (std::size_t a = 0; a < users.size(); ++a)
      for (std::size_t b = 0; b < a; ++b)
        if (overlap(*users[a], *users[b])) return false;
    return true;
  }
  static bool overlap(const Node& a, const Node& b) {
    const Shape &begin_a = ints(a.attributes[0]), &begin_b = ints(b.attributes[0]);
    const Shape &size_a = ints(a.attributes[1]), &size_b = ints(b.attributes[1]);
    for (int i = 0; i < begin_a.rank(); ++i)
      if (begin_a[i] + size_a[i] <= begin_b[i] || begin_b[i] + size_b[i] <= begin_a[i]) return false;
    return true;
  }

  void lift(const Node& f, Place slice) {
    std::vector<int> parts;
    for (int operand : f.inputs) parts.push_back(slice_of(operand, value(f.outputs[0]).shape, slice));
    *slice = {f.op, std::move(parts), f.attributes, slice->outputs};
    note_uses(slice);
  }

  /// The part of an operand, which may be broadcast, that a slice of the result needs.
  int slice_of(int operand, const Shape& whole, Place slice) {
    const Value from = value(operand);
    const int rank = from.shape.rank(), missing = whole.rank() - rank;
    Shape start = Shape::filled(rank, 0), size = from.shape;
    for (int i = 0; i < rank; ++i) {
      if (from.shape[i] != whole[i + missing]) continue;
      start[i] = ints(slice->attributes[0])[i + missing];
      size[i] = ints(slice->attributes[1])[i + missing];
    }
    if (size == from.shape) return operand;
    const int part = add_value({from.dtype, size, from.device, {}});
    put_before(slice, {&slice_op, {operand}, {start, size, Shape::filled(rank, 1)}, {part}});
    return part;
  }
};

/// A sum of tensors that are zero but for slices, which share no element and leave none out, joins these. Adding zero keeps
/// what the sum does to -0.
class Joining : Rewriting {
 public:
  explicit Joining(Graph& graph) : Rewriting(graph), maker_(graph.values.size()) {
    for (const Node& n : nodes_)
      for (int v : n.outputs) maker_[at(v)] = &n;
  }

  int run() {
    int changed = 0;
    for (auto n = nodes_.end(); n != nodes_.begin();) {
      --n;
      std::vector<const Node*> leaves;
      if (n->op != &add_op || !gather(*n, leaves)) continue;
      const int axis = axis_of(leaves);
      if (axis < 0) continue;
      join(n, axis, leaves);
      ++changed;
    }
    finish();
    return changed;
  }

 private:
  bool gather(const Node& sum, std::vector<const Node*>& leaves) const {
    for (int v : sum.inputs) {
      const Node* from = maker_[at(v)];
      if (!from || users_[at(v)].size() != 1 || is_result_[at(v)]) return false;
      if (from->op == &slice_gradient_op) leaves.push_back(from);
      else if (from->op != &add_op || !gather(*from, leaves)) return false;
    }
    return true;
  }

  std::int64_t start(const Node& n, int axis) const { return ints(n.attributes[0])[axis]; }
  std::int64_t size(const Node& n, int axis) const { return value(n.inputs[0]).shape[axis]; }

  /// The axis along which the leaves, put in order, follow each other; -1 for none.
  int axis_of(std::vector<const Node*>& leaves) const {
    const Shape& whole = ints(leaves[0]->attributes[2]);
    int axis = -1;
    for (int i = 0; i < whole.rank(); ++i)
      if (size(*leaves[0], i) != whole[i]) axis = axis < 0 ? i : whole.rank();
    if (axis < 0 || axis >= whole.rank() || whole[axis] < 0) return -1;
    std::sort(leaves.begin(), leaves.end(), [&](auto* a, auto* b) { return start(*a, axis) < start(*b, axis); });
    std::int64_t next = 0;
    for (const Node* leaf : leaves) {
      if (ints(leaf->attributes[2]) != whole || ints(leaf->attributes[1]) != Shape::filled(whole.rank(), 1)) return -1;
      for (int i = 0; i < whole.rank(); ++i)
        if (i == axis ? start(*leaf, i) != next || size(*leaf, i) < 0 : size(*leaf, i) != whole[i]) return -1;
      next += size(*leaf, axis);
    }
    return next == whole[axis] ? axis : -1;
  }

  void join(Place sum, int axis, const std::vector<const Node*>& leaves) {
    const Value like = value(sum->outputs[0]);
    const int zero = add_value({like.dtype, {}, like.device, {}});
    {
      EagerScope eager;
      graph_.constants.push_back({zero, zeros({}, {.dtype = like.dtype})});
    }
    Node joined{&concat_op, {}, {std::int64_t{axis}, Shape()}, sum->outputs};
    Shape sizes;
    for (const Node* leaf : leaves) {
      sizes.push_back(size(*leaf, axis));
      joined.inputs.push_back(add_value(Value(value(leaf->inputs[0]))));
      put_before(sum, {&add_op, {leaf->inputs[0], zero}, {}, {joined.inputs.back()}});
    }
    joined.attributes[1] = sizes;
    *sum = std::move(joined);
  }

  std::vector<const Node*> maker_;  // a value
};

bool has(const Graph& graph, const Op& op) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.op == &op; });
}

}  // namespace

int lift_slices(Graph& graph) { return has(graph, slice_op) ? Lifting(graph).run() : 0; }
int join_slices(Graph& graph) { return has(graph, slice_gradient_op) ? Joining(graph).run() : 0; }

}  // namespace keen::detail
