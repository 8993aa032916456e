// Sequential: the list of steps and the names of its parts.
#include "keen/nn/sequential.h"

#include <unordered_map>

#include "core/context.h"
#include "core/message.h"
#include "keen/creation.h"
#include "nn/layer_state.h"

namespace keen::nn {

namespace {

using detail::ModuleState;

struct SequentialState final : detail::LayerState {
  explicit SequentialState(const LayerOptions& o) : LayerState("sequential", o.name) {}

  // The steps build themselves, and name themselves in errors.
  Tensor run(Tensor x, const CallOptions& options) override {
    for (const Step& step : steps) x = step.call()(std::move(x), options);
    built.store(true, std::memory_order_release);
    return x;
  }
  Tensor call(Tensor x, const CallOptions& options) override { return run(std::move(x), options); }

  void build(const detail::Shape& input) override { try_steps(input); }
  void check_input(const detail::Shape& input) override {
    detail::EagerScope outside_tapes_and_traces;
    try_steps(input);
  }

  // Only running a step tells the shape that the next one gets.
  void try_steps(const detail::Shape& input) {
    detail::Shape shape = input;
    if (shape.rank() > 0 && shape[0] < 0) shape[0] = 1;
    if (!shape.is_known())
      detail::fail<ShapeError>("sequential", "wants to be built for a shape known but for its batch");
    run(zeros(shape), {});
  }

  std::string free_name(const ModuleState& part) {
    const auto* layer = dynamic_cast<const detail::LayerState*>(&part);
    const std::string base = layer ? (layer->is_named ? layer->name : layer->kind) : "module";
    int& number = next_numbers[base];
    std::string name;
    do {
      name = number == 0 ? base : base + '_' + std::to_string(number);
      ++number;
    } while (taken(name));
    return name;
  }
  bool taken(const std::string& name) const {
    for (const auto& m : members) {
      if (m.name == name) return true;
    }
    return false;
  }

  std::vector<Step> steps;
  std::unordered_map<std::string, int> next_numbers;  // "dense", "dense_1", ...: what comes next
};

}  // namespace

Sequential::Sequential(const std::vector<Step>& steps, const LayerOptions& options)
    : Layer(std::make_shared<SequentialState>(options)) {
  for (const Step& step : steps) add(step);
}

void Sequential::add(const Step& step) const {
  auto& state = static_cast<SequentialState&>(layer_state());
  if (step.module()) state.add_member(state.free_name(*step.module()), step.module());
  state.steps.push_back(step);
  state.built.store(false, std::memory_order_release);
}

}  // namespace keen::nn
