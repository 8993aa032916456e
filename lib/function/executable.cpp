#include "function/executable.h"

#include <algorithm>

#include "core/context.h"
#include "core/message.h"
#include "core/write_log.h"
#include "function/own_gradient.h"
#include "function/specialise.h"
#include "keen/function/function.h"
#include "keen/log.h"
#include "random/draw_log.h"

namespace keen::detail {
namespace {

bool is_plain(const Tensor& t) {
  constexpr auto mask = TensorImpl::contiguous | TensorImpl::symbolic;
  return (t.impl()->flags & mask) == TensorImpl::contiguous;
}

/// Does the graph write variables, or, `inside` alone, do its branches and loops?
bool writes(const Graph& graph, bool inside) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return node.op->effect && (node.op->composite || !inside);
  });
}

bool draws(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return is_root(node) && (node.op->random || node.op->composite);
  });
}

std::vector<Tensor> captured_by(const Graph& graph) {
  std::vector<Tensor> out;
  for (const Constant& constant : graph.constants)
    if (is_trainable(constant.tensor.dtype()) && !(constant.tensor.impl()->flags & TensorImpl::from_number))
      out.push_back(constant.tensor);
  return out;
}

std::vector<Tensor> run_plan(const Plan& plan, std::span<const Tensor> arguments) {
  return times_steps() ? plan.run_timed(arguments) : plan.run(arguments);
}

}  // namespace

Executable::Executable(std::shared_ptr<const Graph> traced)
    : traced_(std::move(traced)),
      replay_(*traced_),
      captured_(captured_by(*traced_)),
      writes_inside_(writes(*traced_, true)),
      writes_(writes(*traced_, false)),
      draws_(draws(*traced_)) {}
Executable::~Executable() = default;

void Executable::prepare() const {
  std::call_once(prepared_, [&] {
    optimised_ = traced_->copy();
    drop_own_gradients(*optimised_);
    reports_ = run_passes(*optimised_);
  });
}

const Graph& Executable::optimised() const {
  prepare();
  return *optimised_;
}

std::vector<Tensor> Executable::run(std::span<const Tensor> arguments) const {
  if (!draws_) return run_writing(arguments);
  DrawLog log;
  std::vector<Tensor> results = run_writing(arguments);
  log.keep();
  return results;
}

std::vector<Tensor> Executable::run_writing(std::span<const Tensor> arguments) const {
  // Else the order of a plan's steps sees to it that nothing fails after the first write (`writes_last`).
  if (!writes_inside_ && !(writes_ && thread_context.observers)) return run_unguarded(arguments);
  WriteLog log;
  std::vector<Tensor> results = run_unguarded(arguments);
  log.keep();
  return results;
}

std::vector<Tensor> Executable::run_unguarded(std::span<const Tensor> arguments) const {
  if (thread_context.observers) return run_recorded(arguments);
  if (const Plan* plan = only_.load(std::memory_order_acquire))
    if (std::all_of(arguments.begin(), arguments.end(), is_plain)) return run_plan(*plan, arguments);
  const Code code = find_code(arguments);
  if (!code.plan) return replay_.run(arguments);
  std::vector<Tensor> results = run_plan(*code.plan, arguments);
  return code.rest ? code.rest->run(results) : results;
}

std::vector<Tensor> Executable::run_recorded(std::span<const Tensor> arguments) const {
  auto gradient = find_gradient(arguments);
  return gradient ? CallGradient::call(std::move(gradient), arguments) : replay_.run(arguments);
}

Executable::Recording Executable::recording_of(std::span<const Tensor> arguments) const {
  Recording out;
  for (const auto& t : arguments) out.shapes.push_back(t.shape());
  for (const auto& t : captured_) {
    bool followed = false;
    for (const Observer* o = thread_context.observers; o; o = o->outer) followed = followed || o->follows(*t.impl());
    out.followed.push_back(followed);
  }
  return out;
}

std::shared_ptr<const CallGradient> Executable::find_gradient(std::span<const Tensor> arguments) const {
  Recording recording = recording_of(arguments);
  std::lock_guard lock(gradient_mutex_);
  if (has_no_gradient_) return nullptr;
  if (const auto* known = gradients_.find(recording)) return *known;
  try {
    // From the graph as it was traced: what has no gradient there, such as stop_gradient, has none here.
    if (!can_differentiate(*traced_)) fail<UsageError>("function", "it writes or draws");
    std::vector<Tensor> followed;
    for (std::size_t i = 0; i < captured_.size(); ++i)
      if (recording.followed[i]) followed.push_back(captured_[i]);
    auto made = std::make_shared<const CallGradient>(*traced_, recording.shapes, followed);
    gradients_.add(std::move(recording), made);
    return made;
  } catch (const UsageError& why) {
    log(LogLevel::debug, text("function: recorded operation by operation: ", why.what()));
    has_no_gradient_ = true;
    return nullptr;
  }
}

Executable::Code Executable::find_code(std::span<const Tensor> arguments) const {
  Layouts layouts;
  for (const auto& t : arguments) {
    layouts.shapes.push_back(t.shape());
    layouts.strides.push_back(t.strides());
  }
  return find_code(std::move(layouts));
}

std::shared_ptr<const Plan> Executable::plan(
    const std::vector<Shape>& shapes, const std::vector<Shape>& strides) const {
  Code code = find_code({shapes, strides});
  return code.rest ? nullptr : code.plan;
}

Executable::Code Executable::find_code(Layouts layouts) const {
  prepare();
  std::lock_guard lock(mutex_);
  if (has_no_plan_) return {};
  if (const Code* known = plans_.find(layouts)) return *known;
  bool is_only = optimised_->symbols.empty();
  for (std::size_t i = 0; i < layouts.shapes.size(); ++i)
    is_only = is_only && is_contiguous(layouts.shapes[i], layouts.strides[i]);
  if (is_only && kept_) return {kept_, nullptr};  // another thread made it meanwhile
  Code code = make_code(layouts);
  if (!code.plan) return {};
  if (is_only) {
    kept_ = code.plan;
    only_.store(kept_.get(), std::memory_order_release);
  } else {
    plans_.add(std::move(layouts), code);
  }
  return code;
}

Executable::Code Executable::make_code(const Layouts& layouts) const {
  Specialised made{optimised_, nullptr};
  if (!optimised_->symbols.empty()) {
    made = specialise(*optimised_, layouts.shapes);
    run_passes(*made.graph);  // with the sizes known, more of it folds
  }
  try {
    Code code;
    code.plan = std::make_shared<const Plan>(made.graph, layouts.strides, Plan::Options{.fuse = fusion::jit_wanted()});
    if (made.rest) code.rest = std::make_shared<const Executable>(made.rest);
    return code;
  } catch (const UsageError& why) {
    log(LogLevel::debug, text("function: replayed node by node: ", why.what()));
    has_no_plan_ = true;
    return {};
  }
}

}  // namespace keen::detail
