// GradientTape: the handle around a Tape.
#include "keen/autodiff/gradient_tape.h"

#include "autodiff/tape.h"
#include "keen/log.h"

namespace keen {
GradientTape::GradientTape(TapeOptions options) : tape_(std::make_shared<detail::Tape>(options)) {}
GradientTape::~GradientTape() { detail::Tape::end(std::move(tape_)); }

void GradientTape::watch(const Source& source, Where where) {
  detail::note_line(where);
  tape_->check_owner("watch");
  tape_->watch(source);
}
void GradientTape::stop() {
  tape_->check_owner("stop");
  tape_->stop();
}
void GradientTape::reset() {
  tape_->check_owner("reset");
  tape_->reset();
}

std::vector<Variable> GradientTape::watched_variables() const {
  tape_->check_owner("watched_variables");
  std::vector<Variable> out;
  for (auto& state : tape_->variables()) out.push_back(Variable::from_state(state));
  return out;
}

GradientTape::Pause::Pause(const std::shared_ptr<detail::Tape>& tape) : tape_(tape), was_recording_(tape->recording()) {
  tape->stop();
}
GradientTape::Pause::~Pause() {
  const auto tape = tape_.lock();
  if (!tape || !was_recording_) return;
  if (tape->is_owner()) tape->start();
  else log(LogLevel::error, "stop_recording: its scope ended in another thread than the tape's, which stays paused");
}
GradientTape::Pause GradientTape::stop_recording() {
  tape_->check_owner("stop_recording");
  return Pause(tape_);
}

void GradientTape::compute(
    std::span<const Tensor> targets, std::span<const Source> sources, std::span<Tensor> out,
    const GradientOptions& options, Where where) {
  detail::note_line(where);
  tape_->gradient(targets, sources, out, options);
}

Tensor GradientTape::gradient_of(
    const Tensor& target, const Source& source, const GradientOptions& options, Where where) {
  Tensor out;
  compute({&target, 1}, {&source, 1}, {&out, 1}, options, where);
  return out;
}
Tensor GradientTape::gradient(
    const std::vector<Tensor>& targets, const Source& source, const GradientOptions& options, Where where) {
  Tensor out;
  compute(targets, {&source, 1}, {&out, 1}, options, where);
  return out;
}

std::vector<Tensor> GradientTape::gradient_of(
    std::span<const Tensor> targets, const std::vector<Source>& sources, const GradientOptions& options, Where where) {
  std::vector<Tensor> out(sources.size());
  compute(targets, sources, out, options, where);
  return out;
}

}  // namespace keen
