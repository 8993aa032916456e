// The backward pass: entries walked from the last to the first, gradients added up at the nodes.
#include "autodiff/tape.h"
#include "core/message.h"
#include "keen/creation.h"
#include "keen/log.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen::detail {

// One entry as its gradient function sees it. Vectors of the tape may grow while the function runs (a persistent tape
// records its own gradient), so everything is looked up by place.
class EntryGradient final : public Gradient {
 public:
  EntryGradient(const Tape& tape, const Tape::Entry& entry, const Tape::Flags& needed, std::vector<Tensor>& gradients)
      : tape_(tape),
        entry_(entry),
        needed_(needed),
        gradients_(gradients),
        attributes_(Attributes(tape.records_.attributes).subspan(entry.attributes, entry.attribute_count)) {
    if (!tape.options_.persistent || attributes_.empty()) return;
    copied_attributes_.assign(attributes_.begin(), attributes_.end());
    attributes_ = copied_attributes_;
  }

  const Op& op() const override { return *entry_.op; }
  int inputs() const override { return entry_.input_count; }
  int outputs() const override { return entry_.output_count; }
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
    const Tape::Node n = tape_.records_.nodes[output_node(i)];
    return zeros(n.shape, {.dtype = n.dtype, .device = n.device});
  }
  Attributes attributes() const override { return attributes_; }
  void set(int i, Tensor gradient) override {
    if (wants(i)) tape_.accumulate(gradients_, node(i), std::move(gradient));
  }

 private:
  std::int32_t node(int i) const { return tape_.records_.input_nodes[entry_.inputs + static_cast<std::size_t>(i)]; }
  std::size_t output_node(int i) const { return static_cast<std::size_t>(entry_.first_output + i); }
  const Tape::Node& spec(int i) const {
    std::int32_t n = node(i);
    if (n == Tape::none)
      fail<InternalError>(entry_.op->name, "its gradient asks for the shape of input ", i, ", which is not watched");
    return tape_.records_.nodes[static_cast<std::size_t>(n)];
  }
  const Tensor& saved(int bit) const {
    if (!(entry_.saves >> bit & 1))
      fail<InternalError>(entry_.op->name, "its gradient reads value ", bit, ", which its description does not save");
    std::size_t place = entry_.saved;
    for (unsigned before = entry_.saves & ((1u << bit) - 1); before; before &= before - 1) ++place;
    return tape_.records_.saved[place];
  }

  const Tape& tape_;
  Tape::Entry entry_;
  const Tape::Flags& needed_;
  std::vector<Tensor>& gradients_;
  Attributes attributes_;
  std::vector<Attribute> copied_attributes_;  // where the tape goes on recording
};

void check_gradient_dtype(const char* operation, const char* what, std::size_t i, DType given, DType wanted) {
  const bool casts = is_complex(wanted)    ? is_trainable(given)
                     : is_floating(wanted) ? is_floating(given)
                                           : given == wanted;
  if (!casts)
    fail<DTypeError>(operation, what, ' ', i, " is ", name(given), ", what it belongs to ", name(wanted), ": cast it");
}

std::int32_t Tape::node_of(const Source& source) const {
  if (source.variable().defined()) {
    auto at = records_.nodes_of_variables.find(source.variable().state().get());
    return at == records_.nodes_of_variables.end() ? none : at->second;
  }
  return records_.nodes_of_ids.find(checked(source.tensor(), "gradient").id);
}

void Tape::accumulate(std::vector<Tensor>& gradients, std::int32_t node, Tensor gradient) const {
  if (!gradient.defined()) return;
  auto n = static_cast<std::size_t>(node);
  if (!gradient.is_sparse() && gradient.shape() != records_.nodes[n].shape)
    gradient = sum_to(gradient, Shape(records_.nodes[n].shape));
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
    // Of a sparse target, the tape knows the values.
    const bool is_sparse = targets[i].is_sparse();
    const Tensor values = is_sparse ? targets[i].values() : targets[i];
    const TensorImpl& target = *values.impl();
    std::int32_t node = records_.nodes_of_ids.find(target.id);
    if (node == none) continue;
    bool given = i < options.output_gradients.size() && options.output_gradients[i].defined();
    Tensor dy =
        given ? options.output_gradients[i] : ones(target.shape, {.dtype = target.dtype, .device = target.device});
    if (given && dy.shape() != targets[i].shape()) dy = reshape(dy, targets[i].shape());  // open sizes: the call checks
    if (given && is_sparse) dy = take(densify(dy), targets[i].indices(), 0);
    accumulate(gradients, node, dy.cast(target.dtype));
  }
}

Tape::Flags Tape::nodes_of(std::span<const Source> sources) const {
  Flags flags(records_.nodes.size());
  for (auto& s : sources)
    if (std::int32_t n = node_of(s); n != none) flags[static_cast<std::size_t>(n)] = true;
  return flags;
}

// Nodes that depend on a source: gradients flow nowhere else.
Tape::Flags Tape::leads_to(Flags sources, std::size_t entries) const {
  Flags needed = std::move(sources);
  for (std::size_t e = 0; e < entries; ++e) {
    const Entry& entry = records_.entries[e];
    bool any = false;
    for (std::size_t i = 0; i < entry.input_count; ++i) {
      std::int32_t n = records_.input_nodes[entry.inputs + i];
      any = any || (n != none && needed[static_cast<std::size_t>(n)]);
    }
    for (std::size_t o = 0; any && o < entry.output_count; ++o)
      needed[static_cast<std::size_t>(entry.first_output) + o] = true;
  }
  return needed;
}

void Tape::backward(std::size_t entries, const Flags& needed, const Flags& wanted, std::vector<Tensor>& gradients) {
  std::size_t saved_end = records_.saved.size();
  for (std::size_t e = entries; e-- > 0;) {
    const Entry entry = records_.entries[e];
    const auto first = static_cast<std::size_t>(entry.first_output);
    bool reached = false;
    for (std::size_t o = 0; o < entry.output_count; ++o) reached |= needed[first + o] && gradients[first + o].defined();
    if (reached) {
      if (!entry.op->gradient)
        fail<UsageError>(
            entry.op->name, "has no gradient: it cannot lie between a target and a source (see stop_gradient)");
      EntryGradient view(*this, entry, needed, gradients);
      entry.op->gradient(view);
    }
    // The gradients of its outputs and what the entry kept are of no more use: their memory serves the next ones.
    for (std::size_t o = 0; o < entry.output_count; ++o)
      if (!wanted[first + o]) gradients[first + o] = {};
    if (options_.persistent) continue;
    for (std::size_t k = entry.saved; k < saved_end; ++k) records_.saved[k] = {};
    saved_end = entry.saved;
  }
}

// Everything that can be wrong with a request, before anything is spent.
void Tape::check_request(
    std::span<const Tensor> targets, std::span<const Source> sources, const GradientOptions& options) const {
  check_owner("gradient");
  if (spent_)
    fail<UsageError>(
        "gradient",
        "this tape has given its gradient and is spent: make it with {.persistent = true} to ask several times");
  for (auto& t : targets)
    if (DType d = checked(t, "gradient").dtype; !is_trainable(d))
      log(LogLevel::warning, text("gradient: a target is ", name(d), " and has no gradient: only floating results do"));
  const auto& seeds = options.output_gradients;
  if (!seeds.empty() && seeds.size() != targets.size())
    fail<UsageError>("gradient", seeds.size(), " output gradients for ", targets.size(), " targets");
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    if (!seeds[i].defined()) continue;
    if (!may_agree(seeds[i].shape(), targets[i].shape()))
      fail<ShapeError>(
          "gradient", "output gradient ", i, " has shape ", seeds[i].shape(), ", its target ", targets[i].shape());
    check_gradient_dtype("gradient", "output gradient", i, seeds[i].dtype(), targets[i].dtype());
  }
  for (auto& s : sources) node_of(s);  // throws for an undefined source
}

// The gradients of all nodes that depend on the sources.
std::vector<Tensor> Tape::run_backward(
    std::span<const Tensor> targets, std::span<const Source> sources, const GradientOptions& options) {
  // A non-persistent tape ends here, so that its own gradient is recorded by outer tapes only.
  if (!options_.persistent) stop();
  spent_ = !options_.persistent;
  std::size_t entries = records_.entries.size();
  Flags wanted = nodes_of(sources), needed = leads_to(wanted, entries);
  std::vector<Tensor> gradients(records_.nodes.size());
  seed(targets, options, gradients);
  needed.resize(records_.nodes.size());  // a persistent tape may have recorded the seeds
  wanted.resize(records_.nodes.size());
  gradients.resize(records_.nodes.size());
  backward(entries, needed, wanted, gradients);
  return gradients;
}

// What one source gets: its node's gradient, ones where it is a target itself, or what the options say.
Tensor Tape::collect(
    const Source& source, std::span<const Tensor> targets, std::span<const Tensor> gradients,
    const GradientOptions& options) const {
  if (std::int32_t n = node_of(source); n != none && gradients[static_cast<std::size_t>(n)].defined())
    return gradients[static_cast<std::size_t>(n)];
  const Tensor value = source.variable().defined() ? read(*source.variable().state()) : source.tensor();
  for (auto& t : targets)
    if (t.impl()->id == value.impl()->id)
      return ones(value.shape(), {.dtype = value.dtype(), .device = value.device()});
  if (options.unconnected == Unconnected::none) return {};
  return zeros(value.shape(), {.dtype = value.dtype(), .device = value.device()});
}

void Tape::gradient(
    std::span<const Tensor> targets, std::span<const Source> sources, std::span<Tensor> out,
    const GradientOptions& options) {
  check_request(targets, sources, options);
  const std::vector<Tensor> gradients = run_backward(targets, sources, options);
  for (std::size_t i = 0; i < sources.size(); ++i) out[i] = collect(sources[i], targets, gradients, options);
  if (options_.persistent) return;
  records_.entries.clear();
  records_.saved.clear();
  records_.attributes.clear();
}

}  // namespace keen::detail
