#include "function/executable.h"

#include <algorithm>

#include "core/context.h"
#include "core/message.h"
#include "function/specialise.h"
#include "keen/function/function.h"
#include "keen/log.h"

namespace keen::detail {
namespace {

// Plans for how many sizes and layouts of the arguments are kept.
constexpr std::size_t most_plans = 8;

bool is_plain(const Tensor& t) {
  constexpr auto mask = TensorImpl::contiguous | TensorImpl::symbolic;
  return (t.impl()->flags & mask) == TensorImpl::contiguous;
}

constinit std::atomic<bool> timed{false};

std::vector<Tensor> run_plan(const Plan& plan, std::span<const Tensor> arguments) {
  return timed.load(std::memory_order_relaxed) ? plan.run_timed(arguments) : plan.run(arguments);
}

}  // namespace

Executable::Executable(std::shared_ptr<const Graph> traced) : traced_(std::move(traced)), replay_(*traced_) {}
Executable::~Executable() = default;

void Executable::prepare() const {
  std::call_once(prepared_, [&] {
    optimised_ = traced_->copy();
    reports_ = run_passes(*optimised_);
  });
}

const Graph& Executable::optimised() const {
  prepare();
  return *optimised_;
}

std::vector<Tensor> Executable::run(std::span<const Tensor> arguments) const {
  if (thread_context.observers) return run_recorded(arguments);
  if (const Plan* plan = only_.load(std::memory_order_acquire))
    if (std::all_of(arguments.begin(), arguments.end(), is_plain)) return run_plan(*plan, arguments);
  if (const auto plan = find_plan(arguments)) return run_plan(*plan, arguments);
  return replay_.run(arguments);
}

std::vector<Tensor> Executable::run_recorded(std::span<const Tensor> arguments) const {
  auto gradient = find_gradient(arguments);
  return gradient ? CallGradient::call(std::move(gradient), arguments) : replay_.run(arguments);
}

std::shared_ptr<const CallGradient> Executable::find_gradient(std::span<const Tensor> arguments) const {
  if (std::any_of(arguments.begin(), arguments.end(), [](const Tensor& t) { return t.is_sparse(); })) return nullptr;
  std::vector<Shape> shapes;
  for (const auto& t : arguments) shapes.push_back(t.shape());
  std::lock_guard lock(gradient_mutex_);
  if (has_no_gradient_) return nullptr;
  const auto found =
      std::find_if(gradients_.begin(), gradients_.end(), [&](const GradientEntry& e) { return e.shapes == shapes; });
  if (found != gradients_.end()) {
    gradients_.splice(gradients_.begin(), gradients_, found);
    return found->gradient;
  }
  try {
    // From the graph as it was traced: what has no gradient there, such as stop_gradient, has none here.
    if (!can_differentiate(*traced_)) fail<UsageError>("function", "it writes, draws, branches or loops");
    auto made = std::make_shared<const CallGradient>(traced_->symbols ? *specialise(*traced_, shapes) : *traced_);
    gradients_.push_front({std::move(shapes), made});
    if (gradients_.size() > most_plans) gradients_.pop_back();
    return made;
  } catch (const UsageError& why) {
    log(LogLevel::debug, text("function: recorded operation by operation: ", why.what()));
    has_no_gradient_ = true;
    return nullptr;
  }
}

std::shared_ptr<const Plan> Executable::find_plan(std::span<const Tensor> arguments) const {
  if (std::any_of(arguments.begin(), arguments.end(), [](const Tensor& t) { return t.is_sparse(); })) return nullptr;
  prepare();
  std::vector<Shape> shapes, strides;
  for (const auto& t : arguments) {
    shapes.push_back(t.shape());
    strides.push_back(t.strides());
  }
  std::lock_guard lock(mutex_);
  if (has_no_plan_) return nullptr;
  const auto found = std::find_if(
      plans_.begin(), plans_.end(), [&](const Entry& e) { return e.shapes == shapes && e.strides == strides; });
  if (found != plans_.end()) {
    plans_.splice(plans_.begin(), plans_, found);
    return found->plan;
  }
  const bool is_only = optimised_->symbols == 0 && std::all_of(arguments.begin(), arguments.end(), is_plain);
  if (is_only && kept_) return kept_;  // another thread made it meanwhile
  const auto plan = make_plan(shapes, strides);
  if (!plan) return nullptr;
  if (is_only) {
    kept_ = plan;
    only_.store(plan.get(), std::memory_order_release);
  } else {
    plans_.push_front({std::move(shapes), std::move(strides), plan});
    if (plans_.size() > most_plans) plans_.pop_back();
  }
  return plan;
}

std::shared_ptr<const Plan> Executable::make_plan(
    const std::vector<Shape>& shapes, const std::vector<Shape>& strides) const {
  std::shared_ptr<Graph> graph = optimised_;
  // Branches and loops run node by node; what they hold has plans of its own.
  const auto is_control_flow = [](const Node& node) { return node.op->composite != nullptr; };
  if (std::any_of(graph->nodes.begin(), graph->nodes.end(), is_control_flow)) {
    has_no_plan_ = true;
    return nullptr;
  }
  if (graph->symbols) {
    graph = specialise(*graph, shapes);
    run_passes(*graph);  // with the sizes known, more of it folds
  }
  try {
    return std::make_shared<const Plan>(graph, strides, Plan::Options{.fuse = fusion::jit_wanted()});
  } catch (const UsageError& why) {
    log(LogLevel::debug, text("function: replayed node by node: ", why.what()));
    has_no_plan_ = true;
    return nullptr;
  }
}

}  // namespace keen::detail

void keen::time_functions(bool on) { detail::timed = on; }
