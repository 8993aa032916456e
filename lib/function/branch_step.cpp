// Branches as steps of plans, and control flow whose sizes are known only as it goes.
#include <cstring>

#include "core/dispatch.h"
#include "core/message.h"
#include "core/visit.h"
#include "cpu/kernels.h"
#include "function/control_steps.h"
#include "function/plan_run.h"

namespace keen::detail {
namespace {

/// An index, or a truth.
std::int64_t integer_at(const void* from, DType dtype) {
  return visit_integer(dtype == DType::bool_ ? DType::uint8 : dtype, [&](auto value) {
    std::memcpy(&value, from, sizeof value);
    return static_cast<std::int64_t>(value);
  });
}

/// Sizes that do not fit a branch are an error where it is taken, not here.
std::shared_ptr<const Plan> plan_of(
    const Part& part, const std::vector<Shape>& shapes, const std::vector<Shape>& strides) try {
  return part.plan(shapes, strides);
} catch (const ShapeError&) {
  return nullptr;
} catch (const IndexError&) {
  return nullptr;
}

}  // namespace

std::string lines_of(const Plan& plan, const std::string& prefix) {
  std::string out;
  const auto seconds = plan.step_seconds();
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    out += "\n    " + time_of(seconds, i) + prefix;
    for (const char c : plan.steps()[i]->to_string()) out += c == '\n' ? "\n    " : std::string(1, c);
  }
  return out;
}

std::unique_ptr<BranchStep> BranchStep::make(
    const Node& node, std::span<const OperandForm> operands, std::span<const Shape> results) {
  auto step = std::make_unique<BranchStep>();
  step->index_type_ = operands[0].dtype;
  std::vector<Shape> shapes, strides;
  for (const auto& form : operands.subspan(1)) {
    shapes.push_back(form.shape);
    strides.push_back(form.strides);
  }
  for (const Part* part : parts_of(node)) {
    auto plan = plan_of(*part, shapes, strides);
    if (!plan || !plan->takes_addresses()) return nullptr;
    const Graph& graph = plan->graph();
    for (std::size_t i = 0; i < results.size(); ++i)
      if (spec_of(graph, graph.results[i]).shape != results[i]) return nullptr;
    step->branches_.push_back(std::move(plan));
  }
  return step;
}

void BranchStep::place(std::vector<Address> operands, std::vector<Address> results) {
  operands_ = std::move(operands);
  results_ = std::move(results);
}

void BranchStep::run(Frame& frame) const {
  const auto address = [&](const Address& a) { return frame.base[at(a.slot)] + a.offset; };
  const std::int64_t index = integer_at(address(operands_[0]), index_type_);
  const auto last = static_cast<std::int64_t>(branches_.size()) - 1;
  PlanRun run(*branches_[static_cast<std::size_t>(index < 0 || index > last ? last : index)]);
  for (std::size_t i = 1; i < operands_.size(); ++i) run.argument(i - 1, address(operands_[i]));
  constexpr std::size_t most_on_stack = 16;
  char* few[most_on_stack];
  std::vector<char*> many(results_.size() > most_on_stack ? results_.size() : 0);
  const std::span<char*> to(many.empty() ? few : many.data(), results_.size());
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = address(results_[i]);
  run.run(to);
}

std::string BranchStep::to_string() const {
  std::string out = "branch";
  for (std::size_t i = 0; i < branches_.size(); ++i) out += lines_of(*branches_[i], text(i, ": "));
  return out;
}

std::vector<const Plan*> BranchStep::parts() const {
  std::vector<const Plan*> out;
  for (const auto& branch : branches_) out.push_back(branch.get());
  return out;
}

void TensorStep::place(std::vector<Plan::Source> operands, std::vector<int> slots) {
  operands_ = std::move(operands);
  slots_ = std::move(slots);
}

void TensorStep::run(Frame& frame) const {
  std::vector<Operand> operands;
  for (const auto& operand : operands_) operands.emplace_back(plan_.tensor(operand, frame));
  std::vector<Tensor> results(slots_.size());
  dispatch(*node_.op, operands, node_.attributes, results);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Tensor& result = results[i];
    if (!result.impl()->is_contiguous()) {
      Tensor dense = make_tensor(result.dtype(), result.shape(), Device());
      cpu::copy_strided(dense.impl()->data, *result.impl());
      result = std::move(dense);
    }
    frame.base[at(slots_[i])] = result.impl()->as<char>();
    frame.held[at(slots_[i])] = std::move(result);
  }
}

std::string TensorStep::to_string() const { return text(node_.op->name, ", of sizes that are known as it runs"); }

}  // namespace keen::detail
