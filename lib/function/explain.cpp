// What a compiled function tells of itself.
#include <cstdio>

#include "core/message.h"
#include "function/executable.h"
#include "fusion/jit_loader.h"

namespace keen::detail {
namespace {

std::string describe(const Plan& plan) {
  std::string out = text(
      "plan: ", plan.steps().size(), " steps, ", plan.kernels(), " of them fused kernels; ", plan.arena_bytes(),
      " bytes of temporaries\n");
  if (plan.kernels() == 0 && plan.steps().size() > 1 && !fusion::jit_available())
    out += text("no kernels are compiled: ", fusion::why_no_jit(), '\n');
  const auto seconds = plan.step_seconds();
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    out += text("  ", time_of(seconds, i), plan.steps()[i]->to_string(), '\n');
  }
  return out;
}

/// A line for each pass that changed something, one for those between them that did not.
std::string describe(std::span<const PassReport> reports) {
  std::string out, idle;
  const auto tell_idle = [&](int operations) {
    if (!idle.empty()) out += text("unchanged at ", operations, " operations: ", idle, '\n');
    idle.clear();
  };
  for (const auto& report : reports) {
    if (report.changed == 0 && report.before == report.after) {
      idle += text(idle.empty() ? "" : ", ", report.name);
      continue;
    }
    tell_idle(report.before);
    out += text(
        report.name, ": ", report.changed, " changed, ", report.before, " -> ", report.after, " operations",
        report.removed, '\n');
  }
  if (!reports.empty()) tell_idle(reports.back().after);
  return out;
}

}  // namespace

std::string time_of(const std::vector<double>& seconds, std::size_t step) {
  char time[32] = "";
  if (step < seconds.size()) std::snprintf(time, sizeof time, "%10.2f us  ", 1e6 * seconds[step]);
  return time;
}

std::vector<Executable::Code> Executable::codes() const {
  prepare();
  std::vector<Shape> shapes, strides;
  const bool needs_one = [&] {
    std::lock_guard lock(mutex_);
    return optimised_->symbols.empty() && !kept_ && plans_.empty() && !has_no_plan_;
  }();
  if (needs_one) {
    for (int v : optimised_->inputs) {
      shapes.push_back(optimised_->values[static_cast<std::size_t>(v)].shape);
      strides.push_back(contiguous_strides(shapes.back()));
    }
    find_code({shapes, strides});
  }
  std::lock_guard lock(mutex_);
  std::vector<Code> out;
  if (kept_) out.push_back({kept_, nullptr});
  for (const auto& [layouts, code] : plans_) out.push_back(code);
  return out;
}

std::string Executable::explain() const {
  const auto made = codes();
  std::string out;
  out += describe(reports_);
  if (made.empty()) out += "no plan: run operation by operation, or not called yet with known sizes\n";
  for (const auto& code : made) {
    out += describe(*code.plan);
    if (code.rest) out += "then, with the sizes known that it gave: " + code.rest->explain();
  }
  std::lock_guard lock(gradient_mutex_);
  for (const auto& [recording, gradient] : gradients_) out += gradient->explain();
  return out;
}

std::vector<std::string> Executable::kernel_ir() const {
  std::vector<std::string> out;
  const auto made = codes();
  if (made.empty()) return out;
  for (const KernelStep* kernel : made.front().plan->kernel_steps()) {
    std::string& text = out.emplace_back();
    for (const fusion::Kernel* code : kernel->codes()) text += fusion::ir_text(*code);
  }
  if (made.front().rest)
    for (auto& text : made.front().rest->kernel_ir()) out.push_back(std::move(text));
  return out;
}

}  // namespace keen::detail
