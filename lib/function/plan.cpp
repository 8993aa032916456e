#include "function/plan.h"

#include "core/allocator.h"
#include "core/message.h"

namespace keen::detail {

namespace {

// How many frames wait for calls; more are given back to the allocator.
constexpr std::size_t most_idle = 16;

}  // namespace

Plan::~Plan() { delete spare_.load(); }

std::vector<const KernelStep*> Plan::kernel_steps() const {
  std::vector<const KernelStep*> out;
  for (const auto& step : steps_) {
    if (const KernelStep* kernel = step->kernel()) out.push_back(kernel);
    for (const Plan* part : step->parts())
      for (const KernelStep* kernel : part->kernel_steps()) out.push_back(kernel);
  }
  return out;
}

std::unique_ptr<Frame> Plan::make_frame() const {
  auto frame = std::make_unique<Frame>();
  frame->base.resize(at(slots_));
  frame->held.resize(at(slots_));
  frame->addresses.resize(most_operands_);
  if (arena_bytes_) {
    frame->memory = allocate(arena_bytes_);
    frame->bytes = arena_bytes_;
  }
  for (auto [slot, address] : constants_) frame->base[at(slot)] = address;
  alignas(64) static char nowhere[64];  // where all are empty: an address that kernels may pass on
  char* const memory = arena_bytes_ ? static_cast<char*>(frame->memory) : nowhere;
  for (auto [slot, offset] : temporaries_) frame->base[at(slot)] = memory + offset;
  const Tensor nothing = make_tensor(DType::bool_, Shape{0}, Device());
  const auto header = [&](const OpTemplate::Header& h) {
    Tensor t = make_view(*nothing.impl(), h.shape, h.strides, 0);
    t.impl()->dtype = h.dtype;
    return t;
  };
  frame->ops.resize(op_templates_.size());
  for (std::size_t i = 0; i < op_templates_.size(); ++i) {
    OpState& state = frame->ops[i];
    for (const auto& h : op_templates_[i].inputs) state.inputs.emplace_back(header(h));
    for (const auto& h : op_templates_[i].outputs) state.outputs.push_back(h.is_fresh ? Tensor() : header(h));
    state.attributes = op_templates_[i].attributes;
    op_steps_[i]->place(*frame);
  }
  return frame;
}

std::unique_ptr<Frame> Plan::take_frame() const {
  if (Frame* spare = spare_.exchange(nullptr, std::memory_order_acquire)) return std::unique_ptr<Frame>(spare);
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto frame = std::move(idle_.back());
      idle_.pop_back();
      return frame;
    }
  }
  return make_frame();
}

void Plan::give_back(std::unique_ptr<Frame> frame) const noexcept {
  Frame* none = nullptr;
  if (spare_.compare_exchange_strong(none, frame.get(), std::memory_order_release, std::memory_order_relaxed)) {
    static_cast<void>(frame.release());
    return;
  }
  std::lock_guard lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(frame));
}

void Plan::begin(Frame& frame, std::span<const Tensor> arguments) const {
  frame.arguments = arguments;
  for (std::size_t i = 0; i < argument_slots_.size(); ++i)
    if (argument_slots_[i] >= 0) frame.base[at(argument_slots_[i])] = arguments[i].impl()->as<char>();
  for (const auto& root : fresh_) {
    Tensor t = Tensor::adopt(make_impl(root.dtype, root.shape, root.strides, root.size, Device()));
    frame.base[at(root.slot)] = t.impl()->as<char>();
    frame.held[at(root.slot)] = std::move(t);
  }
}

Tensor Plan::tensor(const Source& source, Frame& frame) const {
  Tensor root;
  switch (source.from) {
    case Source::From::nowhere:
      break;
    case Source::From::argument:
      root = frame.arguments[at(source.index)];
      break;
    case Source::From::constant:
      root = graph_->constants[at(source.index)].tensor;
      break;
    case Source::From::slot:
      if (source.takes) root = std::move(frame.held[at(source.index)]);
      else root = frame.held[at(source.index)];
      break;
  }
  return source.is_view ? make_view(*root.impl(), source.shape, source.strides, source.offset) : root;
}

std::vector<Tensor> Plan::finish(Frame& frame) const {
  std::vector<Tensor> out;
  out.reserve(results_.size());
  for (const auto& result : results_) out.push_back(tensor(result, frame));
  return out;
}

namespace {

/// Gives the frame back, without the tensors of this call, however the call ends.
template <class GiveBack>
class Borrowed {
 public:
  Borrowed(std::unique_ptr<Frame> frame, GiveBack give_back) : frame_(std::move(frame)), give_back_(give_back) {}
  ~Borrowed() {
    for (auto& tensor : frame_->held) tensor = {};
    give_back_(std::move(frame_));
  }
  Frame& operator*() const noexcept { return *frame_; }

 private:
  std::unique_ptr<Frame> frame_;
  GiveBack give_back_;
};

}  // namespace

/// All steps and the results. What may fail does so before the first write: when that begins, results are there, and
/// variables have buffers of their own.
template <class RunStep>
std::vector<Tensor> Plan::walk(Frame& frame, std::span<const Tensor> arguments, RunStep&& run_step) const {
  begin(frame, arguments);
  run_steps(steps().first(first_write_), run_step);
  std::vector<Tensor> results = finish(frame);
  for (const auto& variable : written_) own_buffer(*variable);
  if (first_write_ < steps_.size()) run_steps(steps().subspan(first_write_), run_step);
  return results;
}

std::vector<Tensor> Plan::run(std::span<const Tensor> arguments) const {
  const Borrowed frame(take_frame(), [this](std::unique_ptr<Frame> f) { give_back(std::move(f)); });
  return walk(*frame, arguments, [&](const Step& step) {
    step.run(*frame);
    for (int slot : step.releases) (*frame).held[at(slot)] = {};
  });
}

std::vector<Tensor> Plan::run_timed(std::span<const Tensor> arguments) const {
  const Borrowed frame(take_frame(), [this](std::unique_ptr<Frame> f) { give_back(std::move(f)); });
  StepClock clock;
  auto results = walk(*frame, arguments, [&](const Step& step) {
    clock.time([&] {
      step.run(*frame);
      for (int slot : step.releases) (*frame).held[at(slot)] = {};
    });
  });
  times_.add(clock.seconds());
  return results;
}

}  // namespace keen::detail
