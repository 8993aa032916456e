// Recording: what is watched, what an operation leaves on the tape.
#include "autodiff/tape.h"

#include <bit>

#include "core/message.h"
#include "keen/log.h"

namespace keen::detail {

Tape::Tape(TapeOptions options) : options_(options), owner_(&thread_context) { start(); }

Tape::~Tape() { stop(); }

void Tape::start() {
  if (recording_ || spent_) return;
  if (owner_ != &thread_context) fail<UsageError>("GradientTape", "a tape belongs to the thread that made it");
  outer = owner_->observers;
  owner_->observers = this;
  recording_ = true;
}

// Tapes end in any order, so this one may lie anywhere in the thread's list.
void Tape::stop() noexcept {
  if (!recording_) return;
  for (Observer** link = &owner_->observers; *link; link = &(*link)->outer)
    if (*link == this) {
      *link = outer;
      break;
    }
  outer = nullptr;
  recording_ = false;
}

void Tape::reset() {
  nodes_of_ids_.clear();
  nodes_of_variables_.clear();
  variable_list_.clear();
  nodes_.clear();
  entries_.clear();
  input_nodes_.clear();
  saved_.clear();
  attributes_.clear();
  spent_ = false;
  start();
}

std::int32_t Tape::add_node(const TensorImpl& t) {
  nodes_.push_back({t.dtype, t.device, t.shape});
  return static_cast<std::int32_t>(nodes_.size() - 1);
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
  if (nodes_of_ids_.find(t.id) == none) nodes_of_ids_.set(t.id, add_node(t));
}

std::int32_t Tape::watch_variable(const std::shared_ptr<VariableState>& variable, const Tensor& value) {
  auto [at, added] = nodes_of_variables_.try_emplace(variable.get(), none);
  if (added) {
    at->second = add_node(*value.impl());
    variable_list_.push_back(variable);
  }
  nodes_of_ids_.set(value.impl()->id, at->second);
  return at->second;
}

void Tape::observe_read(const std::shared_ptr<VariableState>& variable, const Tensor& value) {
  if (!is_trainable(variable->dtype)) return;
  if ((options_.watch_accessed_variables && variable->trainable) || nodes_of_variables_.contains(variable.get()))
    watch_variable(variable, value);
}

void Tape::observe(
    const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const Tensor> outputs) {
  if (op.differentiable == Differentiable::no || outputs.empty()) return;
  std::size_t first = input_nodes_.size();
  bool any = false;
  for (auto& in : inputs) {
    const TensorImpl& t = *in.impl();
    std::int32_t node = is_trainable(t.dtype) ? nodes_of_ids_.find(t.id) : none;
    any |= node != none;
    input_nodes_.push_back(node);
  }
  bool trainable = false;
  for (auto& out : outputs) trainable |= is_trainable(out.impl()->dtype);
  if (!any || !trainable) return input_nodes_.resize(first);

  Entry entry{
      &op,
      static_cast<std::uint32_t>(first),
      static_cast<std::uint32_t>(saved_.size()),
      static_cast<std::uint32_t>(attributes_.size()),
      static_cast<std::int32_t>(nodes_.size()),
      static_cast<std::uint16_t>(inputs.size()),
      static_cast<std::uint16_t>(attributes.size()),
      0,
      static_cast<std::uint8_t>(outputs.size())};
  save_for(entry, op, inputs, outputs);
  attributes_.insert(attributes_.end(), attributes.begin(), attributes.end());
  for (auto& out : outputs) nodes_of_ids_.set(out.impl()->id, add_node(*out.impl()));
  entries_.push_back(entry);
}

// Keeps what the gradients of the watched inputs read, and nothing else.
void Tape::save_for(Entry& entry, const Op& op, std::span<const Operand> inputs, std::span<const Tensor> outputs) {
  SaveMask mask = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (input_nodes_[entry.inputs + i] != none) mask |= op.saves_for(static_cast<int>(i));
  entry.saves = mask;
  for (SaveMask rest = mask; rest; rest &= static_cast<SaveMask>(rest - 1)) {
    int bit = std::countr_zero(rest);
    saved_.push_back(
        bit < 8 ? inputs[static_cast<std::size_t>(bit)].tensor() : outputs[static_cast<std::size_t>(bit - 8)]);
  }
}

}  // namespace keen::detail
