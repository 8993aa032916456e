#include "function/steps.h"

#include "core/allocator.h"
#include "core/context.h"
#include "core/message.h"
#include "cpu/tail.h"
#include "cpu/update_batch.h"
#include "random/draw_log.h"

namespace keen::detail {

Frame::~Frame() {
  if (memory) deallocate(memory, bytes);
}

void ReadStep::run(Frame& frame) const {
  Tensor value = read(*variable_);
  frame.base[static_cast<std::size_t>(slot_)] = value.impl()->as<char>();
  frame.held[static_cast<std::size_t>(slot_)] = std::move(value);
}

std::string ReadStep::to_string() const { return text("read variable '", variable_->name, '\''); }

std::span<void* const> KernelStep::addresses(Frame& frame) const {
  for (std::size_t i = 0; i < operands_.size(); ++i)
    frame.addresses[i] = frame.base[static_cast<std::size_t>(operands_[i].slot)] + operands_[i].offset;
  return {frame.addresses.data(), operands_.size()};
}

void KernelStep::run(Frame& frame) const {
  std::visit([&](const auto& code) { code.run(addresses(frame)); }, *code_);
}

void TailStep::run(Frame& frame) const {
  class Follower final : public cpu::Tail {
   public:
    Follower(const fusion::Launch& launch, std::span<void* const> addresses, std::int64_t width)
        : Tail(launch.cuts(width)), launch_(launch), addresses_(addresses), width_(width) {}
    void run(const cpu::Part& part) const override { launch_.run_part(addresses_, part, width_); }

   private:
    const fusion::Launch& launch_;
    std::span<void* const> addresses_;
    std::int64_t width_;
  } follower(*tail_->launch(), tail_->addresses(frame), width_);
  product_->run(frame);
  if (!follower.is_taken()) tail_->run(frame);
}

std::string TailStep::to_string() const {
  return text(product_->to_string(), ", each part followed by ", tail_->to_string());
}

OpStep::OpStep(const Op& op, std::size_t state, std::vector<Place> inputs, std::vector<Place> outputs)
    : op_(op), state_(state), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

void OpStep::place(Frame& frame) const {
  if (shared_) return;
  OpState& state = frame.ops[state_];
  const auto at = [&](const Address& a) { return frame.base[static_cast<std::size_t>(a.slot)] + a.offset; };
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (!inputs_[i].moves) state.inputs[i].impl()->data = at(inputs_[i].address);
  for (std::size_t i = 0; i < outputs_.size(); ++i)
    if (!outputs_[i].moves) state.outputs[i].impl()->data = at(outputs_[i].address);
}

void OpStep::run(Frame& frame) const {
  OpState& state = frame.ops[state_];
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Address& a = inputs_[i].address;
    if (inputs_[i].moves || shared_)
      state.inputs[i].impl()->data = frame.base[static_cast<std::size_t>(a.slot)] + a.offset;
  }
  // The frame holds the results: the kernel sees them uncounted.
  struct Uncounted {
    ~Uncounted() {
      for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i].moves) static_cast<void>(outputs[i].release_impl());
    }
    const std::vector<Place>& places;
    std::vector<Tensor>& outputs;
  } const uncounted{outputs_, state.outputs};
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Address& a = outputs_[i].address;
    if (outputs_[i].moves) state.outputs[i] = Tensor::adopt(frame.held[static_cast<std::size_t>(a.slot)].impl());
    else if (shared_) state.outputs[i].impl()->data = frame.base[static_cast<std::size_t>(a.slot)] + a.offset;
  }
  if (op_.random) draw_anew(op_, state.attributes);
  KernelCall call{op_, state.inputs, state.attributes, state.outputs};
  op_.cpu(call);
}

std::string OpStep::to_string() const { return op_.name; }

UpdatesStep::UpdatesStep(std::vector<std::unique_ptr<Step>> updates) : updates_(std::move(updates)) {
  for (auto& update : updates_) {
    releases.insert(releases.end(), update->releases.begin(), update->releases.end());
    update->releases.clear();
  }
}

void UpdatesStep::run(Frame& frame) const {
  cpu::UpdateBatch batch;
  run_steps(updates_, [&](const Step& update) { update.run(frame); });
  batch.run();
}

std::string UpdatesStep::to_string() const {
  return text(updates_[0]->to_string(), " of ", updates_.size(), " variables");
}

void draw_anew(const Op& op, std::vector<Attribute>& attributes) {
  if (thread_context.interpreter) return;  // a trace draws nothing
  const auto [stream, blocks] = draw_of(op, attributes);
  if (!stream) return;
  attributes[0] = static_cast<std::int64_t>(stream->seed.load());
  const std::uint64_t position = reserve(*stream, *blocks);
  DrawLog::note(stream, position, *blocks);
  attributes[1] = static_cast<std::int64_t>(position);
}

}  // namespace keen::detail
