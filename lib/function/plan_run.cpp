#include "function/plan_run.h"

#include <cstring>

#include "cpu/kernels.h"

namespace keen::detail {

PlanRun::PlanRun(const Plan& plan) : plan_(plan), frame_(plan.take_frame()) {
  Frame& frame = *frame_;
  if (frame.roots.empty()) {
    const Tensor nothing = make_tensor(DType::bool_, Shape{0}, Device());
    const auto header = [&](DType dtype, const Shape& shape, const Shape& strides) {
      Tensor t = make_view(*nothing.impl(), shape, strides, 0);
      t.impl()->dtype = dtype;
      return t;
    };
    // The caller's memory has a header here; what is no result as a whole has memory that stays with the frame.
    for (const auto& root : plan.fresh_)
      frame.roots.push_back(
          root.result < 0 ? make_tensor(root.dtype, root.shape, Device())
                          : header(root.dtype, root.shape, root.strides));
    for (const auto& result : plan.results_)
      frame.scattered.push_back(result.is_dense ? Tensor() : header(result.dtype, result.shape, result.strides));
  }
  for (std::size_t i = 0; i < plan.fresh_.size(); ++i) {
    const int slot = plan.fresh_[i].slot;
    frame.held[at(slot)] = frame.roots[i];
    frame.base[at(slot)] = frame.roots[i].impl()->as<char>();
  }
}

PlanRun::~PlanRun() {
  for (auto& tensor : frame_->held) tensor = {};
  plan_.give_back(std::move(frame_));
}

void PlanRun::argument(std::size_t i, char* address) noexcept {
  if (const int slot = plan_.argument_slots_[i]; slot >= 0) frame_->base[at(slot)] = address;
}

void PlanRun::run(std::span<char* const> results) {
  Frame& frame = *frame_;
  for (std::size_t i = 0; i < plan_.fresh_.size(); ++i) {
    const auto& root = plan_.fresh_[i];
    if (root.result < 0) continue;
    frame.roots[i].impl()->data = frame.base[at(root.slot)] = results[at(root.result)];
  }
  const auto run_step = [&](const Step& step) {
    step.run(frame);
    for (int slot : step.releases) frame.held[at(slot)] = {};
  };
  if (times_steps()) [[unlikely]] {
    StepClock clock;
    run_steps(plan_.steps_, [&](const Step& step) { clock.time([&] { run_step(step); }); });
    plan_.times_.add(clock.seconds());
  } else {
    run_steps(plan_.steps_, run_step);
  }
  for (std::size_t i = 0; i < results.size(); ++i) copy_result(i, results[i]);
}

/// What was not computed in its place: arguments, constants, variables, views, results that are given twice.
void PlanRun::copy_result(std::size_t i, char* to) {
  const Plan::Result& result = plan_.results_[i];
  char* from = frame_->base[at(result.address.slot)] + result.address.offset;
  if (from == to || result.bytes == 0) return;
  if (result.is_dense) {
    std::memcpy(to, from, result.bytes);
    return;
  }
  TensorImpl& scattered = *frame_->scattered[i].impl();
  scattered.data = from;
  cpu::copy_strided(to, scattered);
}

}  // namespace keen::detail
