#include "function/session.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "core/message.h"
#include "core/variable_state.h"
#include "keen/log.h"

namespace keen::detail {
namespace {

// A tree of more segments than this is too costly to keep; what grows it is likely to grow it for ever.
constexpr int most_segments = 512;
// An integer that takes more values than this is no choice between courses.
constexpr std::size_t most_integers = 8;

/// What was outside the session is current while it lives.
class OutsideScope {
 public:
  explicit OutsideScope(Observer* observers) noexcept {
    thread_context.observers = observers;
    thread_context.has_device = false;
  }
  ~OutsideScope() { thread_context.has_device = had_device_; }

 private:
  const bool had_device_ = thread_context.has_device;
  EagerScope inside_;  // restores interpreter and observers; constructed before the body above, destroyed after
};

/// Gives a symbolic tensor the elements of another.
void give_elements(TensorImpl& to, const Tensor& from) {
  const TensorImpl& value = *from.impl();
  auto* root = value.base ? value.base : from.impl();
  retain(root);
  to.base = root;
  to.data = value.data;
  to.size = value.size;
  to.shape = value.shape;
  to.strides = value.strides;
  to.device = value.device;
  to.flags = static_cast<std::uint8_t>(value.flags & (TensorImpl::contiguous | TensorImpl::external));
  delete std::exchange(to.extra, nullptr);
}

}  // namespace

// The identity, to tapes: a tensor of the trace that got its elements.
KEEN_OP(same){
    .name = "same",
    .infer =
        [](Inference& in) {
          in.results[0] = {in.dtype(0), in.shape(0)};
        },
    .view = [](const TensorImpl& in, Attributes, const ResultSpec&) { return make_view(in, in.shape, in.strides, 0); },
    .gradient = [](Gradient& g) { g.set(0, g.dy()); },
    .formula = "x"};

std::optional<std::int64_t> answer_of(const Segment& segment, const std::vector<Tensor>& results) {
  const Tensor& asked = results[segment.asked];
  if (segment.question == Question::value) return {};
  if (asked.size() != 1)
    fail<ShapeError>("item", "a tensor of shape ", asked.shape(), " has ", asked.size(), " elements, not one");
  return segment.question == Question::truth ? asked.item<bool>() : asked.item<std::int64_t>();
}

Session::Session(
    const std::string& name, Trace& trace, std::vector<Tensor> values, std::vector<Ran> ran,
    std::function<void()> leave)
    : Tracer(*trace.recorded),
      name_(name),
      trace_(trace),
      segment_(&trace),
      values_(std::move(values)),
      ran_(std::move(ran)),
      mode_(ran_.empty() ? Mode::recording : Mode::checking),
      leave_(std::move(leave)),
      outer_observers_(thread_context.observers) {}

Session::~Session() = default;

Tensor Session::make(int value) { return made_.emplace_back(Tracer::make(value)); }

std::vector<Tensor> Session::arguments() {
  std::vector<Tensor> out;
  if (mode_ == Mode::checking) {
    for (int value : graph_->inputs) out.push_back(make(value));
  } else {
    for (std::size_t i = 0; i < trace_.specs.size(); ++i) out.push_back(input(trace_.specs[i], values_[i].device()));
  }
  return out;
}

// --- recording and checking

void Session::changed(const std::string& what) const {
  fail<UsageError>(
      name_.c_str(), "the function is run again to follow a decision it has not taken before, and ", what,
      to_string(line()).empty() ? "" : " at ", to_string(line()),
      ": between decisions on tensors it must do the same every time");
}

const Node& Session::expect(const Op& op) {
  if (cursor_ >= graph_->nodes.size()) changed(text("calls ", op.name, ", which it did not do"));
  const Node& node = graph_->nodes[cursor_++];
  if (node.op != &op) changed(text("calls ", op.name, " where it called ", node.op->name));
  return node;
}

/// Is the operand what the recorded node took? A tensor from outside may be another one of the same form, and a number
/// must be the same.
bool Session::is_same(int value, const Operand& operand) const {
  const TensorImpl& now = *operand.impl();
  if (now.is_symbolic()) return now.extra->link.trace == graph_->link(0).trace && now.extra->link.value == value;
  const auto constant = std::find_if(
      graph_->constants.begin(), graph_->constants.end(), [&](const Constant& c) { return c.value == value; });
  if (constant == graph_->constants.end()) return false;
  const TensorImpl& then = *constant->tensor.impl();
  if (&now == &then) return true;
  if (now.dtype != then.dtype || now.shape != then.shape) return false;
  return now.size != 1 || !now.device.is_cpu() || !std::memcmp(now.data, then.data, size_of(now.dtype));
}

void Session::check_node(const Node& node, std::span<const Operand> inputs, Attributes attributes) {
  bool same = node.inputs.size() == inputs.size();
  for (std::size_t i = 0; same && i < inputs.size(); ++i) same = is_same(node.inputs[i], inputs[i]);
  if (!same) changed(text("calls ", node.op->name, " with other operands"));
  for (std::size_t i = 0; i < attributes.size() && !node.op->composite; ++i)
    if (!node.op->random && attributes[i] != node.attributes[i])
      changed(text("calls ", node.op->name, " with another ", node.op->attributes[i].name));
}

void Session::interpret(
    const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
    std::span<Tensor> outputs) {
  if (mode_ == Mode::recording) return Tracer::interpret(op, inputs, attributes, results, outputs);
  const Node& node = expect(op);
  check_node(node, inputs, attributes);
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = make(node.outputs[i]);
  if (op.effect) forget_reads();
}

Tensor Session::add_read(const std::shared_ptr<VariableState>& variable) {
  if (mode_ == Mode::recording) return Tracer::add_read(variable);
  const Node& node = expect(read_variable_op);
  if (&resource<VariableState>(node.attributes[0]) != variable.get()) changed("reads another variable");
  return make(node.outputs[0]);
}

// --- decisions

std::optional<std::int64_t> Session::ask(const Tensor& tensor, Question question) {
  const TraceLink link = tensor.impl()->extra->link;
  if (mode_ == Mode::eager || link.trace != graph_->link(0).trace) return Tracer::ask(tensor, question);
  for (const Tensor& value : values_)
    if (value.is_symbolic())
      fail<UsageError>(name_.c_str(), "its course depends on values, and a TensorSpec has none: trace it with tensors");
  if (mode_ == Mode::checking) {
    const Ran& ran = ran_[at_];
    const auto asked = static_cast<int>(ran.segment->asked);
    if (cursor_ != graph_->nodes.size() || ran.segment->question != question ||
        graph_->results[static_cast<std::size_t>(asked)] != link.value)
      changed("asks for another value");
    const Ran now = ran;
    go_on(now);
    return now.answer;
  }
  cut(tensor, question);
  const Ran ran = run_segment();
  go_on(ran);
  return ran.answer;
}

/// The tensors that someone besides this session holds. Nothing else can be used behind a cut.
std::vector<Tensor> Session::held() {
  forget_reads();
  std::vector<Tensor> out;
  for (Tensor& tensor : made_) {
    // Arguments of open sizes stay, so that their sizes stay known.
    const bool is_sizes = has_symbol(tensor.shape()) &&
                          std::count(graph_->inputs.begin(), graph_->inputs.end(), tensor.impl()->extra->link.value);
    if (is_sizes || !tensor.impl()->sole_owner()) out.push_back(std::move(tensor));
  }
  made_.clear();
  return out;
}

/// Ends the segment: what is still held are its results.
void Session::cut(const Tensor& asked, Question question) {
  check_unspoilt();
  made_ = held();
  graph_->results.clear();
  for (const Tensor& tensor : made_) {
    const int value = tensor.impl()->extra->link.value;
    if (std::find(graph_->results.begin(), graph_->results.end(), value) == graph_->results.end())
      graph_->results.push_back(value);
  }
  const int value = asked.impl()->extra->link.value;
  segment_->asks = true;
  segment_->question = question;
  segment_->asked = static_cast<std::size_t>(
      std::find(graph_->results.begin(), graph_->results.end(), value) - graph_->results.begin());
}

/// Compiles and runs the complete segment, and gives it its place in the tree.
Ran Session::run_segment() {
  segment_->names = names();
  segment_->program = program_for(trace_, *graph_);
  std::vector<Tensor> results;
  {
    OutsideScope outside(outer_observers_);
    results = segment_->program->run(values_);
  }
  const auto answer = answer_of(*segment_, results);
  ++trace_.segments;
  if (open_) before_->next.emplace_back(answer_, std::move(open_));
  return {segment_, std::move(results), answer};
}

const char* Session::cannot_follow(const Ran& ran) const {
  const Segment& segment = *ran.segment;
  if (!ran.answer) return "asks for a floating value, or for many at once, of which no branches can be made";
  if (segment.question == Question::integer && segment.next.size() >= most_integers)
    return "asks for an integer that takes more than eight values";
  if (trace_.segments >= most_segments) return "takes so many decisions that its tree of segments is full";
  return nullptr;
}

void Session::go_on(const Ran& ran) {
  Segment& segment = *ran.segment;
  const bool is_known = ran.answer && at_ + 1 < ran_.size();
  if (is_known) {
    ++at_;
    segment_ = ran_[at_].segment;
    return enter(*segment_, segment.recorded->results);
  }
  if (const char* why = cannot_follow(ran)) {
    if (!std::exchange(trace_.warned, true))
      log(LogLevel::warning,
          text(
              "[", name_, "] ", to_string(line()), to_string(line()).empty() ? "" : ": ", "the function ", why,
              "; such calls run eagerly from there on. cond, while_loop and scan take decisions inside the trace"));
    return become_eager(ran);
  }
  record_behind(segment, *ran.answer);
  values_ = ran.results;
}

/// The tensors that are still held become those of the segment's inputs.
void Session::enter(Segment& segment, const std::vector<int>& results) {
  std::vector<Tensor> alive = mode_ == Mode::checking ? held() : std::exchange(made_, {});
  go_on_in(*segment.recorded);
  for (Tensor& tensor : alive) {
    TraceLink& link = tensor.impl()->extra->link;
    const auto at = std::find(results.begin(), results.end(), link.value) - results.begin();
    if (at == static_cast<std::ptrdiff_t>(results.size())) changed("holds other tensors");
    link = graph_->link(graph_->inputs[static_cast<std::size_t>(at)]);
    made_.push_back(std::move(tensor));
  }
  cursor_ = 0;
}

void Session::record_behind(Segment& segment, std::int64_t answer) {
  if (mode_ == Mode::checking) made_ = held();
  mode_ = Mode::recording;
  open_ = std::make_unique<Segment>();
  before_ = &segment;
  answer_ = answer;
  Graph& graph = *open_->recorded;
  const Graph& earlier = *segment.recorded;
  graph.symbols = earlier.symbols;
  for (int value : earlier.results) {
    Value input = earlier.values[static_cast<std::size_t>(value)];
    input.name.clear();
    graph.inputs.push_back(graph.add_value(std::move(input)));
  }
  segment_ = open_.get();
  enter(*open_, earlier.results);
}

/// Every tensor that is held gets its elements, and what follows simply runs. Tapes outside learn that it is the same.
void Session::become_eager(const Ran& ran) {
  std::vector<Tensor> alive = mode_ == Mode::checking ? held() : std::exchange(made_, {});
  const auto& results = ran.segment->recorded->results;
  Observer** tail = &thread_context.observers;
  while (*tail) tail = &(*tail)->outer;
  *tail = outer_observers_;
  thread_context.interpreter = nullptr;
  for (const Tensor& tensor : alive) {
    const auto at = std::find(results.begin(), results.end(), tensor.impl()->extra->link.value) - results.begin();
    if (at == static_cast<std::ptrdiff_t>(results.size())) changed("holds other tensors");
    const Tensor value = densify(ran.results[static_cast<std::size_t>(at)]);
    give_elements(*tensor.impl(), value);
    const Operand operand(value);
    for (Observer* o = outer_observers_; o; o = o->outer) o->observe(same_op, {&operand, 1}, {}, {&tensor, 1});
  }
  mode_ = Mode::eager;
  leave_();
}

void Session::finish(std::span<const Tensor> results, std::shared_ptr<const void> structure) {
  check_unspoilt();
  if (mode_ == Mode::eager) return;
  if (mode_ == Mode::checking) changed("ends before");
  graph_->results.clear();
  for (const Tensor& tensor : results) result(tensor);
  segment_->structure = std::move(structure);
  segment_->names = names();
  segment_->program = program_for(trace_, *graph_);
  ++trace_.segments;
  if (open_) before_->next.emplace_back(answer_, std::move(open_));
}

}  // namespace keen::detail
