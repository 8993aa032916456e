// The gradient of a loop. With turn t: (cₜ₊₁, yₜ) = body(cₜ, xₜ, w), the gradient runs the turns backwards:
// (dcₜ, dxₜ, dwₜ) = bodyᵀ(dcₜ₊₁, dyₜ), dw = Σ dwₜ. What bodyᵀ needs of a turn is stacked by the forward loop.
#include "function/loop_gradient.h"

#include <algorithm>
#include <unordered_set>

#include "core/message.h"
#include "function/lift.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/shape.h"

namespace keen::detail {
namespace {

bool uses(const Graph& graph, int value) {
  const auto has = [&](const Node& n) { return std::find(n.inputs.begin(), n.inputs.end(), value) != n.inputs.end(); };
  return std::find(graph.results.begin(), graph.results.end(), value) != graph.results.end() ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(), has);
}

void add_pair(Shape& pairs, std::size_t packed, std::size_t sizes) {
  pairs.push_back(static_cast<std::int64_t>(packed));
  pairs.push_back(static_cast<std::int64_t>(sizes));
}

/// One differentiation of a loop, on its way.
class LoopGradient {
 public:
  LoopGradient(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first)
      : g_(g), staged_(staged), first_(first), place_(find_node(*staged)) {
    meet_outputs(staged_, place_);
    body_ = &resource<Part>(place_.node().attributes[1]).graph();
    form_ = loop_form(place_.node().attributes);
    carried_ = form_.carried;
    scanned_ = form_.scanned;
    inputs_ = body_->inputs.size();
  }

  void run() {
    ask();
    std::vector<bool> wanted(inputs_);
    for (std::size_t i = 0; i < carried_; ++i) wanted[i] = true;  // each turn may depend on what is asked for
    for (std::size_t i : asked_slices_) wanted[i] = true;
    for (std::size_t i : asked_rest_) wanted[i] = true;
    std::vector<std::size_t> seeded = seeded_carried_;
    seeded.insert(seeded.end(), seeded_stacks_.begin(), seeded_stacks_.end());
    parts_ = split(*current_tracer(), *body_, wanted, seeded);
    find_sparse();
    keep();
    const Loop backward = backward_loop();
    give(stage_loop(*current_tracer(), backward, operands()));
  }

 private:
  /// Which gradients are asked for, and which results have one.
  void ask() {
    for (std::size_t i = carried_; i < inputs_; ++i)
      if (g_.wants(static_cast<int>(i))) (i < carried_ + scanned_ ? asked_slices_ : asked_rest_).push_back(i);
    for (std::size_t i = 0; i < carried_; ++i)
      if (is_differentiable(*body_, body_->results[i])) seeded_carried_.push_back(i);
    for (std::size_t i = std::max(first_, carried_); i < first_ + static_cast<std::size_t>(g_.outputs()); ++i)
      if (is_trainable(staged_->outputs[i].dtype()) && g_.has_dy(static_cast<int>(i - first_)))
        seeded_stacks_.push_back(i);
  }

  /// Gradients of what every turn sees are summed up as the turns go. Sparse ones stay sparse: they are stacked, where all
  /// turns name equally many rows, and else joined turn by turn.
  void find_sparse() {
    const Graph& body = *parts_.backward;
    const GradientsOfPart gradients(body.results, inputs_);
    const auto first = body_->inputs.begin() + static_cast<std::ptrdiff_t>(carried_);
    const auto is_equal_in_turns = [&](int value) {
      const std::int64_t rows = body.values[at(value)].shape[0];
      const auto has = [&](int input) {
        const Shape& shape = body.values[at(input)].shape;
        return std::find(shape.begin(), shape.end(), rows) != shape.end();
      };
      return rows >= 0 ||
             (std::none_of(body_->inputs.begin(), first, has) && std::any_of(first, body_->inputs.end(), has));
    };
    std::erase_if(asked_rest_, [&](std::size_t i) {
      if (!gradients.is_sparse(i)) return false;
      const bool stacks = is_equal_in_turns(gradients.values(i)) && is_equal_in_turns(gradients.indices(i));
      (stacks ? stacked_rows_ : joined_rows_).push_back(i);
      return true;
    });
  }

  /// Has the forward loop stack what the turns back need: values of the body, and carried tensors as a turn found them.
  void keep() {
    Graph& body = *parts_.forward;
    std::vector<int> values = parts_.kept;
    for (std::size_t i = 0; i < carried_; ++i)
      if (uses(*parts_.backward, body.inputs[i]) || tells_a_size(i, values)) {
        values.push_back(body.inputs[i]);
        kept_carried_.push_back(i);
      }
    const std::size_t before = body.results.size();
    for (int value : values) {
      const auto begin = body.results.begin() + static_cast<std::ptrdiff_t>(carried_);
      const auto there = std::find(begin, body.results.end(), value);
      kept_at_.push_back(carried_ + static_cast<std::size_t>(there - begin));
      if (there != body.results.end()) continue;
      body.results.push_back(value);
      if (changes_size(body, value)) pack_last();
    }
    counts_turns_ = values.empty() && !scanned_ && seeded_stacks_.empty();
    if (counts_turns_) {  // something must say how many there were
      Tracer counter(body);
      TraceScope scope(counter);
      kept_at_.push_back(body.results.size());
      counter.result(zeros({}, {.dtype = DType::bool_}));
    }
    Loop forward = forward_loop();
    std::vector<ResultSpec> specs;
    for (std::size_t i = before; i < body.results.size(); ++i)
      specs.push_back(loop_result_spec(forward, i, staged_->operands));
    extend_node(*staged_, place_, loop_attributes_of(forward), specs);
    record_staged(staged_, before, loop_op);
  }

  /// May a value have another size in another turn?
  bool changes_size(const Graph& body, int value) const {
    const Shape& shape = body.values[at(value)].shape;
    return std::any_of(shape.begin(), shape.end(), [&](std::int64_t dim) {
      return dim < 0 && !tell_size(body.symbols, staged_->operands, dim);
    });
  }

  /// Packs the forward body's last result: its sizes become one more.
  void pack_last() {
    Graph& body = *parts_.forward;
    Tracer tracer(body);
    TraceScope scope(tracer);
    std::vector<Tensor> sizes;
    const std::size_t place = body.results.size() - 1;
    const Shape shape = body.values[at(body.results[place])].shape;
    for (std::int64_t size : shape) sizes.emplace_back(Size(size));
    add_pair(form_.packed, place, place + 1);
    tracer.result(stack(sizes));
  }

  /// Does the way back name a size that carried tensor i has, and nothing else that it sees?
  bool tells_a_size(std::size_t i, const std::vector<int>& kept) const {
    const Graph& body = *parts_.forward;
    std::unordered_set<std::int64_t> named, known;
    const auto note = [](std::unordered_set<std::int64_t>& dims, const Graph& graph, int value) {
      const Shape& shape = graph.values[at(value)].shape;
      dims.insert(shape.begin(), shape.end());
    };
    const auto name = [&](std::int64_t dim) {
      named.insert(dim);
      parts_.backward->symbols.for_each_source(dim, [&](std::int64_t source) { named.insert(source); });
    };
    for (const Node& node : parts_.backward->nodes) for_each_symbol(*parts_.backward, node, name);
    if (parts_.backward->results[i] < 0)  // zeros stand for the gradient
      for (auto dim : body.values[at(body.inputs[i])].shape) name(dim);
    for (int value : kept) note(known, body, value);
    for (std::size_t k = carried_; k < inputs_; ++k) note(known, body, body.inputs[k]);
    for (const auto* list : {&seeded_carried_, &seeded_stacks_})
      for (std::size_t k : *list) note(known, body, body.results[k]);
    const Shape& shape = body.values[at(body.inputs[i])].shape;
    return std::any_of(shape.begin(), shape.end(), [&](std::int64_t dim) {
      return is_symbol(dim) && named.contains(dim) && !known.contains(dim);
    });
  }

  Loop forward_loop() const {
    Loop loop = form_;
    loop.body = parts_.forward;
    const Attribute& condition = place_.node().attributes[0];
    if (*std::get_if<std::shared_ptr<void>>(&condition)) loop.condition = clone(resource<Part>(condition).graph());
    return loop;
  }

  /// Carried: d of the carried tensors, sums of d of the rest, rows that are joined. Scanned: what was kept, d of the
  /// stacked results, the scanned tensors, sizes of what is packed among them. Then the forward loop's rest.
  Loop backward_loop() const {
    std::shared_ptr<Graph> body = clone(*parts_.backward);
    body->symbols = larger(body->symbols, current_tracer()->graph().symbols);
    const std::vector<int> own = std::exchange(body->inputs, {});
    const GradientsOfPart gradients(std::exchange(body->results, {}), inputs_);
    const auto seeds = own.begin() + static_cast<std::ptrdiff_t>(inputs_ + parts_.kept.size());
    const auto stacks = seeds + static_cast<std::ptrdiff_t>(seeded_carried_.size());
    body->inputs.assign(seeds, stacks);
    std::vector<int> sums;
    for (std::size_t i : asked_rest_) {
      sums.push_back(body->add_value(Value(body->values[static_cast<std::size_t>(own[i])])));
      body->inputs.push_back(sums.back());
    }
    std::vector<int> joined;
    for (std::size_t i : joined_rows_)
      for (int part : {gradients.values(i), gradients.indices(i)}) {
        Value rows = body->values[at(part)];
        rows.shape[0] = body->new_symbol();
        joined.push_back(body->add_value(std::move(rows)));
        body->inputs.push_back(joined.back());
      }
    Loop loop;
    loop.carried = body->inputs.size();
    for (std::size_t k = 0; k < parts_.kept.size(); ++k) body->inputs.push_back(own[inputs_ + k]);
    for (std::size_t i : kept_carried_) body->inputs.push_back(own[i]);
    if (counts_turns_) body->inputs.push_back(body->add_value({DType::bool_, {}, Device(), {}}));
    body->inputs.insert(body->inputs.end(), stacks, own.end());
    const auto rest = own.begin() + static_cast<std::ptrdiff_t>(carried_ + scanned_);
    body->inputs.insert(body->inputs.end(), own.begin() + static_cast<std::ptrdiff_t>(carried_), rest);
    unpack(loop, *body);
    loop.scanned = body->inputs.size() - loop.carried;
    body->inputs.insert(body->inputs.end(), rest, own.begin() + static_cast<std::ptrdiff_t>(inputs_));
    loop.reverse = !form_.reverse;

    std::vector<std::pair<std::size_t, int>> packed;  // results, and values with their sizes
    Graph& around = current_tracer()->graph();
    Tracer tracer(*body);
    TraceScope scope(tracer);
    const auto gradient_or_zeros = [&](std::size_t i) {
      const ResultSpec spec = spec_of(*body, own[i]);
      if (gradients.has(i)) body->results.push_back(gradients.dense(tracer, i, spec.shape));
      else tracer.result(zeros(spec.shape, {.dtype = spec.dtype}));
    };
    for (std::size_t i : seeded_carried_) gradient_or_zeros(i);
    for (std::size_t k = 0; k < asked_rest_.size(); ++k) {
      const int gradient = gradients.values(asked_rest_[k]);
      if (gradient < 0) body->results.push_back(sums[k]);
      else tracer.result(tracer.tensor(sums[k]) + tracer.tensor(gradient));
    }
    auto before = joined.begin();
    for (std::size_t i : joined_rows_)
      for (int part : {gradients.values(i), gradients.indices(i)})
        tracer.result(concat({tracer.tensor(*before++), tracer.tensor(part)}));
    for (std::size_t i : asked_slices_) {
      if (const auto sizes = sizes_of_packed(form_.unpacked, i); sizes >= 0)
        packed.emplace_back(body->results.size(), own[at(static_cast<int>(sizes))]);
      gradient_or_zeros(i);
    }
    for (std::size_t i : stacked_rows_)
      body->results.insert(body->results.end(), {gradients.values(i), gradients.indices(i)});
    for (const auto& [result, sizes] : packed) {
      add_pair(loop.packed, result, body->results.size());
      body->results.push_back(sizes);
    }
    around.symbols = body->symbols;
    loop.body = body;
    return loop;
  }

  /// What the way back scans of the loop's packed results: its place there, and the result with its sizes.
  std::vector<std::pair<std::size_t, std::size_t>> packed_scans() const {
    std::vector<std::size_t> results = kept_at_;
    results.insert(results.end(), seeded_stacks_.begin(), seeded_stacks_.end());
    std::vector<std::pair<std::size_t, std::size_t>> out;
    for (std::size_t k = 0; k < results.size(); ++k)
      if (const auto sizes = sizes_of_packed(form_.packed, results[k]); sizes >= 0)
        out.emplace_back(k, static_cast<std::size_t>(sizes));
    return out;
  }

  /// Lets the loop back, of which `body` has all that it scans but these sizes, unpack what is packed.
  void unpack(Loop& loop, Graph& body) const {
    const std::size_t slices = body.inputs.size() - scanned_;
    for (const auto& [scan, sizes] : packed_scans()) {
      add_pair(loop.unpacked, loop.carried + scan, body.inputs.size());
      const int result = parts_.forward->results[sizes];
      body.inputs.push_back(body.add_value(Value(parts_.forward->values[at(result)])));
    }
    for (int i = 0; i < form_.unpacked.rank(); ++i)
      loop.unpacked.push_back(
          form_.unpacked[i] - static_cast<std::int64_t>(carried_) + static_cast<std::int64_t>(slices));
  }

  std::vector<Tensor> operands() const {
    std::vector<Tensor> out;
    for (std::size_t i : seeded_carried_) {
      if (i >= first_ && first_ < carried_) out.push_back(g_.dy(static_cast<int>(i - first_)));
      else out.push_back(zeros_like(staged_->outputs[i]));
    }
    for (std::size_t i : asked_rest_) out.push_back(zeros_like(staged_->operands[i]));
    for (std::size_t i : joined_rows_) {
      out.push_back(zeros(rows_like(i, 0), {.dtype = staged_->operands[i].dtype()}));
      out.push_back(zeros({0}, {.dtype = DType::int64}));
    }
    for (std::size_t at : kept_at_) out.push_back(staged_->outputs[at]);
    for (std::size_t i : seeded_stacks_) out.push_back(g_.dy(static_cast<int>(i - first_)));
    const auto begin = staged_->operands.begin();
    const auto rest = begin + static_cast<std::ptrdiff_t>(carried_ + scanned_);
    out.insert(out.end(), begin + static_cast<std::ptrdiff_t>(carried_), rest);
    for (const auto& [scan, sizes] : packed_scans()) out.push_back(staged_->outputs[sizes]);
    out.insert(out.end(), rest, staged_->operands.end());
    return out;
  }

  /// The shape of `count` rows of operand i.
  Shape rows_like(std::size_t i, std::int64_t count) const {
    Shape shape = staged_->operands[i].shape();
    shape[0] = count;
    return shape;
  }

  void give(const std::vector<Tensor>& gradients) {
    auto next = gradients.begin();
    const auto give_dense = [&](std::size_t i) { g_.set(static_cast<int>(i), *next++); };
    const auto give_rows = [&](std::size_t i) {
      const Tensor values = reshape(*next++, rows_like(i, unknown));  // stacked: (turns, n, …) → (turns · n, …)
      g_.set(static_cast<int>(i), make_sparse(staged_->operands[i].shape(), values, flatten(*next++)));
    };
    for (std::size_t i : seeded_carried_) give_dense(i);
    for (std::size_t i : asked_rest_) give_dense(i);
    for (std::size_t i : joined_rows_) give_rows(i);
    for (std::size_t i : asked_slices_) give_dense(i);
    for (std::size_t i : stacked_rows_) give_rows(i);
  }

  Gradient& g_;
  const std::shared_ptr<StagedNode> staged_;
  const std::size_t first_;
  NodePlace place_;
  const Graph* body_;
  Loop form_;
  std::size_t carried_, scanned_, inputs_;
  std::vector<std::size_t> asked_slices_, asked_rest_, stacked_rows_, joined_rows_, seeded_carried_, seeded_stacks_,
      kept_carried_, kept_at_;
  bool counts_turns_ = false;
  Split parts_;
};

}  // namespace

void differentiate_loop(Gradient& g, const std::shared_ptr<StagedNode>& staged, std::size_t first) {
  if (find_node(*staged).tracer) LoopGradient(g, staged, first).run();
  else differentiate_again(g, *staged, first);
}

}  // namespace keen::detail
