// The backward pass: entries walked from the last to the first, gradients added up at the nodes.
#include <bit>

#include "autodiff/tape.h"
#include "core/message.h"
#include "keen/creation.h"
#include "keen/log.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen::detail {

// One entry as its gradient function sees it. Vectors of the tape may grow while the function runs (a persistent tape
// records its own gradient), so everything is looked up by place.
class EntryGradient final : public Gradient {
 public:
  EntryGradient(
      const Tape& tape, const Tape::Entry& entry, const std::vector<bool>& needed, std::vector<Tensor>& gradients)
      : tape_(tape),
        entry_(entry),
        needed_(needed),
        gradients_(gradients),
        attributes_(
            tape.attributes_.begin() + entry.attributes,
            tape.attributes_.begin() + entry.attributes + entry.attribute_count) {}

  const Op& op() const override { return *entry_.op; }
  int inputs() const override { return entry_.input_count; }
  bool wants(int i) const override {
    std::int32_t n = node(i);
    return n != Tape::none && needed_[static_cast<std::size_t>(n)];
  }
  Tensor in(int i) const override { return saved(i); }
  Tensor out(int i) const override { return saved(8 + i); }
  Shape in_shape(int i) const override { return spec(i).shape; }
  DType in_dtype(int i) const override { return spec(i).dtype; }
  bool has_dy(int i) const override { return gradients_[output_node(i)].defined(); }
  Tensor dy(int i) const override {
    const Tensor& g = gradients_[output_node(i)];
    if (g.defined()) return densify(g);
    const Tape::Node n = tape_.nodes_[output_node(i)];
    return zeros(n.shape, {.dtype = n.dtype, .device = n.device});
  }
  Attributes attributes() const override { return attributes_; }
  void set(int i, Tensor gradient) override {
    if (wants(i)) tape_.accumulate(gradients_, node(i), std::move(gradient));
  }

 private:
  std::int32_t node(int i) const { return tape_.input_nodes_[entry_.inputs + static_cast<std::size_t>(i)]; }
  std::size_t output_node(int i) const { return static_cast<std::size_t>(entry_.first_output + i); }
  const Tape::Node& spec(int i) const {
    std::int32_t n = node(i);
    if (n == Tape::none)
      fail<InternalError>(entry_.op->name, "its gradient asks for the shape of input ", i, ", which is not watched");
    return tape_.nodes_[static_cast<std::size_t>(n)];
  }
  const Tensor& saved(int bit) const {
    if (!(entry_.saves >> bit & 1))
      fail<InternalError>(entry_.op->name, "its gradient reads value ", bit, ", which its description does not save");
    int before = std::popcount(static_cast<unsigned>(entry_.saves) & ((1u << bit) - 1));
    return tape_.saved_[entry_.saved + static_cast<std::size_t>(before)];
  }

  const Tape& tape_;
  Tape::Entry entry_;
  const std::vector<bool>& needed_;
  std::vector<Tensor>& gradients_;
  std::vector<Attribute> attributes_;
};

std::int32_t Tape::node_of(const Source& source) const {
  if (source.variable().defined()) {
    auto at = nodes_of_variables_.find(source.variable().state().get());
    return at == nodes_of_variables_.end() ? none : at->second;
  }
  return nodes_of_ids_.find(checked(source.tensor(), "gradient").id);
}

void Tape::accumulate(std::vector<Tensor>& gradients, std::int32_t node, Tensor gradient) const {
  if (!gradient.defined()) return;
  auto n = static_cast<std::size_t>(node);
  if (!gradient.is_sparse() && gradient.shape() != nodes_[n].shape) gradient = sum_to(gradient, Shape(nodes_[n].shape));
  Tensor& sum = gradients[n];
  if (!sum.defined()) {
    sum = std::move(gradient);
  } else if (sum.is_sparse() && gradient.is_sparse()) {
    sum = make_sparse(
        sum.shape(), concat({sum.values(), gradient.values()}), concat({sum.indices(), gradient.indices()}));
  } else {
    sum = add(std::move(sum), std::move(gradient));  // into the sum's own buffer where nobody else holds it
  }
}

void Tape::seed(std::span<const Tensor> targets, const GradientOptions& options, std::vector<Tensor>& gradients) {
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const TensorImpl& target = *targets[i].impl();
    std::int32_t node = nodes_of_ids_.find(target.id);
    if (node == none) continue;
    bool given = i < options.output_gradients.size() && options.output_gradients[i].defined();
    Tensor dy =
        given ? options.output_gradients[i] : ones(target.shape, {.dtype = target.dtype, .device = target.device});
    if (dy.shape() != target.shape)
      fail<ShapeError>("gradient", "output gradient ", i, " has shape ", dy.shape(), ", its target ", target.shape);
    accumulate(gradients, node, dy.cast(target.dtype));
  }
}

// Nodes that depend on a source: gradients flow nowhere else.
std::vector<bool> Tape::leads_to(std::span<const Source> sources, std::size_t entries) const {
  std::vector<bool> needed(nodes_.size());
  for (auto& s : sources)
    if (std::int32_t n = node_of(s); n != none) needed[static_cast<std::size_t>(n)] = true;
  for (std::size_t e = 0; e < entries; ++e) {
    const Entry& entry = entries_[e];
    bool any = false;
    for (std::size_t i = 0; i < entry.input_count; ++i) {
      std::int32_t n = input_nodes_[entry.inputs + i];
      any = any || (n != none && needed[static_cast<std::size_t>(n)]);
    }
    for (std::size_t o = 0; any && o < entry.output_count; ++o)
      needed[static_cast<std::size_t>(entry.first_output) + o] = true;
  }
  return needed;
}

void Tape::backward(std::size_t entries, const std::vector<bool>& needed, std::vector<Tensor>& gradients) {
  for (std::size_t e = entries; e-- > 0;) {
    const Entry entry = entries_[e];
    auto first = static_cast<std::size_t>(entry.first_output);
    bool reached = false;
    for (std::size_t o = 0; o < entry.output_count; ++o) reached |= needed[first + o] && gradients[first + o].defined();
    if (reached) {
      if (!entry.op->gradient)
        fail<UsageError>(
            entry.op->name, "has no gradient: it cannot lie between a target and a source (see stop_gradient)");
      EntryGradient view(*this, entry, needed, gradients);
      entry.op->gradient(view);
    }
    if (options_.persistent) continue;
    // What this entry kept is of no more use.
    for (int k = 0; k < std::popcount(static_cast<unsigned>(entry.saves)); ++k)
      saved_[entry.saved + static_cast<std::size_t>(k)] = {};
  }
}

void Tape::gradient(
    std::span<const Tensor> targets, std::span<const Source> sources, std::span<Tensor> out,
    const GradientOptions& options) {
  if (spent_)
    fail<UsageError>(
        "gradient",
        "this tape has given its gradient and is spent: make it with {.persistent = true} to ask several times");
  if (owner_ != &thread_context) fail<UsageError>("gradient", "a tape belongs to the thread that made it");
  if (!options.output_gradients.empty() && options.output_gradients.size() != targets.size())
    fail<UsageError>("gradient", options.output_gradients.size(), " output gradients for ", targets.size(), " targets");
  for (auto& t : targets)
    if (DType d = checked(t, "gradient").dtype; !is_trainable(d))
      log(LogLevel::warning, text("gradient: a target is ", name(d), " and has no gradient: only floating results do"));
  for (auto& s : sources) node_of(s);  // throws for an undefined source before anything is spent

  // A non-persistent tape ends here, so that its own gradient is recorded by outer tapes only.
  if (!options_.persistent) stop();
  spent_ = !options_.persistent;
  std::size_t entries = entries_.size();
  std::vector<bool> needed = leads_to(sources, entries);
  std::vector<Tensor> gradients(nodes_.size());
  seed(targets, options, gradients);
  needed.resize(nodes_.size());
  gradients.resize(nodes_.size());
  backward(entries, needed, gradients);

  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Source& s = sources[i];
    if (std::int32_t n = node_of(s); n != none) out[i] = gradients[static_cast<std::size_t>(n)];
    if (out[i].defined()) continue;
    Tensor value = s.variable().defined() ? read(*s.variable().state()) : s.tensor();
    for (auto& t : targets)
      if (t.impl()->id == value.impl()->id)
        out[i] = ones(value.shape(), {.dtype = value.dtype(), .device = value.device()});
    if (!out[i].defined() && options.unconnected == Unconnected::zero)
      out[i] = zeros(value.shape(), {.dtype = value.dtype(), .device = value.device()});
  }
  if (!options_.persistent) {
    entries_.clear();
    saved_.clear();
    attributes_.clear();
  }
}

}  // namespace keen::detail
