// A session's decisions: where the host asks for a value, the segment ends, runs, and the trace goes on behind the answer.
#include <algorithm>

#include "core/message.h"
#include "core/variable_state.h"
#include "function/session.h"
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
  check_one_element(asked.shape(), segment.question);
  return segment.question == Question::truth ? asked.item<bool>() : asked.item<std::int64_t>();
}

std::optional<std::int64_t> Session::ask(const Tensor& tensor, Question question) {
  const TraceLink link = tensor.impl()->extra->link;
  if (mode_ == Mode::eager || link.trace != graph_->link(0).trace) return Tracer::ask(tensor, question);
  check_followed();
  for (const Tensor& value : values_)
    if (value.is_symbolic())
      fail<UsageError>(name_.c_str(), "its course depends on values, and a TensorSpec has none: trace it with tensors");
  if (mode_ == Mode::checking) {
    const Ran& ran = ran_[at_];
    const auto asked = static_cast<int>(ran.segment->asked);
    skip_absent(nullptr);
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
  if (mode_ == Mode::recording) {
    ran_.push_back({ran.segment, {}, ran.answer});
    at_ = ran_.size() - 1;
  }
  return ran.answer;
}

void Session::unstage(const char* operation) {
  if (std::exchange(trace_.warned_of_bodies, true)) return;
  log(LogLevel::warning,
      text(
          "[", name_, "] ", to_string(line()), to_string(line()).empty() ? "" : ": ", "the body of ", operation,
          " asks for the value of a tensor, so that it is no single operation: the host decides, turn by turn. where "
          "and cond decide inside"));
}

/// The tensors that someone besides this session holds. Nothing else can be used behind a cut.
std::vector<Tensor> Session::held() {
  forget_reads();
  std::vector<Tensor> out;
  const std::vector<int> carriers = size_carriers(*graph_);
  for (Tensor& tensor : made_) {
    // What tells a size that follows from no other stays, so that it stays known.
    const auto is_told = [&](std::int64_t dim) {
      return graph_->symbols.has(dim) && !graph_->symbols.expression(dim) &&
             carriers[at(symbol_number(dim))] == tensor.impl()->extra->link.value;
    };
    const Shape& shape = tensor.shape();
    const bool is_sizes = std::any_of(shape.begin(), shape.end(), is_told);
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
    try {
      results = segment_->program->run(values_);
    } catch (...) {
      spoil("a failure inside a compiled function was caught there, behind a decision that needs what failed");
      throw;
    }
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
  loop_ = 0;
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
    const Tensor& value = ran.results[static_cast<std::size_t>(at)];
    give_elements(*tensor.impl(), value);
    const Operand operand(value);
    for (Observer* o = outer_observers_; o; o = o->outer) o->observe(same_op, {&operand, 1}, {}, {&tensor, 1});
  }
  mode_ = Mode::eager;
  leave_();
}

}  // namespace keen::detail
