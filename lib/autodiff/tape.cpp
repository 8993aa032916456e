// Recording: what is watched, what an operation leaves on the tape.
#include "autodiff/tape.h"

#include <bit>
#include <utility>

#include "core/message.h"
#include "keen/log.h"

namespace keen::detail {

void Tape::Records::clear() noexcept {
  nodes_of_ids.clear();
  nodes_of_variables.clear();
  variables.clear();
  nodes.clear();
  entries.clear();
  input_nodes.clear();
  saved.clear();
  attributes.clear();
}

// What tapes leave to their thread: the memory of the last one, and those that ended while their list was put aside.
// Static tapes may end after the thread's objects: then there is none to leave it to.
struct Tape::Thread {
  static constexpr std::size_t most_nodes = 16384;  // a tape that grew larger gives its memory back
  static thread_local Thread own;
  static constinit thread_local bool ended;
  std::shared_ptr<const void> alive = std::make_shared<char>();
  Records records;
  std::vector<std::shared_ptr<Tape>> deaf;
  ~Thread() { ended = true; }
};
thread_local Tape::Thread Tape::Thread::own;
constinit thread_local bool Tape::Thread::ended = false;

Tape::Records Tape::take_spare() { return Thread::ended ? Records() : std::move(Thread::own.records); }

void Tape::leave_spare(Records&& records) noexcept {
  records.clear();  // may end tensors whose deleters use tapes
  if (!Thread::ended && records.nodes.capacity() <= Thread::most_nodes) Thread::own.records = std::move(records);
}

Tape::Tape(TapeOptions options) : options_(options), owner_(&thread_context), records_(take_spare()) {
  if (!Thread::ended) {
    Thread& thread = Thread::own;
    thread_ = thread.alive;
    if (!thread.deaf.empty()) std::erase_if(thread.deaf, [](const auto& tape) { return tape->stop(), !tape->linked_; });
  }
  start();
}

Tape::~Tape() {
  stop();
  leave_spare(std::move(records_));
}

void Tape::end(std::shared_ptr<Tape> tape) noexcept {
  tape->stop();
  if (!tape->linked_ || Thread::ended) return;
  tape->records_.clear();
  Thread::own.deaf.push_back(std::move(tape));
}

void Tape::check_owner(const char* operation) const {
  if (!is_owner())
    fail<UsageError>(
        operation, "a tape belongs to the thread that made it: make one in this thread, for what this thread computes");
}

void Tape::start() noexcept {
  if (recording_ || spent_) return;
  recording_ = true;
  if (linked_) return;  // in a list that is put aside
  outer = owner_->observers;
  owner_->observers = this;
  linked_ = true;
}

void Tape::stop() noexcept {
  recording_ = false;
  if (linked_) linked_ = !unlink();
}

// Tapes end in any order, so this one may lie anywhere in the thread's list; or in none that can be reached now.
bool Tape::unlink() noexcept {
  if (!is_owner() && thread_.expired()) return true;
  for (Observer** link = &owner_->observers; *link; link = &(*link)->outer)
    if (*link == this) {
      *link = std::exchange(outer, nullptr);
      return true;
    }
  return false;
}

void Tape::reset() {
  records_.clear();
  spent_ = false;
  start();
}

std::int32_t Tape::add_node(const TensorImpl& t) {
  records_.nodes.push_back({t.dtype, t.device, t.shape});
  return static_cast<std::int32_t>(records_.nodes.size() - 1);
}

void Tape::watch(const Source& source) {
  if (spent_) fail<UsageError>("GradientTape", "this tape is spent: make a new one, or reset() it");
  if (source.variable().defined()) {
    const auto& state = source.variable().state();
    if (!is_trainable(state->dtype))
      return log(
          LogLevel::warning, text(
                                 "GradientTape: watching ", name(state->dtype), " variable '", state->name,
                                 "' has no effect: it is not floating"));
    watch_variable(state, read(*state));
    return;
  }
  const TensorImpl& t = checked(source.tensor(), "watch");
  if (!is_trainable(t.dtype))
    return log(
        LogLevel::warning,
        text("GradientTape: watching a tensor of dtype ", name(t.dtype), " has no effect: it is not floating"));
  if (records_.nodes_of_ids.find(t.id) == none) records_.nodes_of_ids.set(t.id, add_node(t));
}

std::int32_t Tape::watch_variable(const std::shared_ptr<VariableState>& variable, const Tensor& value) {
  auto [at, added] = records_.nodes_of_variables.try_emplace(variable.get(), none);
  if (added) {
    at->second = add_node(*value.impl());
    records_.variables.push_back(variable);
  }
  records_.nodes_of_ids.set(value.impl()->id, at->second);
  return at->second;
}

void Tape::observe_read(const std::shared_ptr<VariableState>& variable, const Tensor& value) {
  if (!recording_ || !is_trainable(variable->dtype)) return;
  if ((options_.watch_accessed_variables && variable->trainable) ||
      records_.nodes_of_variables.contains(variable.get()))
    watch_variable(variable, value);
}

void Tape::observe(
    const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const Tensor> outputs) {
  if (!recording_ || op.differentiable == Differentiable::no || outputs.empty()) return;
  const std::size_t first = records_.input_nodes.size();
  bool any = false;
  SaveMask saves = 0;  // what the gradients of the watched inputs read, and nothing else
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorImpl& t = *inputs[i].impl();
    const std::int32_t node = is_trainable(t.dtype) ? records_.nodes_of_ids.find(t.id) : none;
    records_.input_nodes.push_back(node);
    if (node == none) continue;
    any = true;
    saves |= op.saves_for(static_cast<int>(i));
  }
  bool trainable = false;
  for (auto& out : outputs) trainable |= is_trainable(out.impl()->dtype);
  if (!any || !trainable) return records_.input_nodes.resize(first);

  records_.entries.push_back(
      {&op, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(records_.saved.size()),
       static_cast<std::uint32_t>(records_.attributes.size()), static_cast<std::int32_t>(records_.nodes.size()),
       static_cast<std::uint32_t>(inputs.size()), static_cast<std::uint32_t>(outputs.size()),
       static_cast<std::uint16_t>(attributes.size()), saves});
  if (saves) save(saves, inputs, outputs);
  if (!attributes.empty()) records_.attributes.insert(records_.attributes.end(), attributes.begin(), attributes.end());
  for (auto& out : outputs) records_.nodes_of_ids.set(out.impl()->id, add_node(*out.impl()));
}

void Tape::save(SaveMask mask, std::span<const Operand> inputs, std::span<const Tensor> outputs) {
  for (; mask; mask &= static_cast<SaveMask>(mask - 1)) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(mask));
    records_.saved.push_back(bit < 8 ? inputs[bit].tensor() : outputs[bit - 8]);
  }
}

}  // namespace keen::detail
