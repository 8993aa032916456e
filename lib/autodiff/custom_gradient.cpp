// custom_gradient and recompute_grad: one recorded entry that stands for a whole function. In a trace, so does a value of
// its graph.
#include "keen/autodiff/custom_gradient.h"

#include "autodiff/tape.h"
#include "core/context.h"
#include "core/variable_state.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"
#include "random/draws.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec function_attribute[] = {{"function", AttributeKind::resource}};

Tensor cast_gradient(const Tensor& dx, DType dtype) {
  if (!dx.is_sparse() || dx.dtype() == dtype) return dx.cast(dtype);
  return make_sparse(dx.shape(), dx.values().cast(dtype), dx.indices());
}

void call_gradient(Gradient& g) {
  std::vector<Tensor> gradients = resource<CustomGradient>(g.attributes()[0])(g.dy());
  if (static_cast<int>(gradients.size()) != g.inputs())
    fail<UsageError>(
        "custom_gradient", "the gradient function gave ", gradients.size(), " gradients for ", g.inputs(),
        " inputs and variables");
  for (int i = 0; i < g.inputs(); ++i) {
    Tensor& dx = gradients[static_cast<std::size_t>(i)];
    if (!g.wants(i) || !dx.defined()) continue;
    if (!may_agree(dx.shape(), g.in_shape(i)))
      fail<ShapeError>("custom_gradient", "gradient ", i, " has shape ", dx.shape(), ", its input ", g.in_shape(i));
    if (dx.shape() != g.in_shape(i)) dx = reshape(dx, g.in_shape(i));  // open sizes: the call checks
    check_gradient_dtype("custom_gradient", "gradient", static_cast<std::size_t>(i), dx.dtype(), g.in_dtype(i));
    g.set(i, cast_gradient(dx, g.in_dtype(i)));
  }
}

// In place of the thread's observers while a custom function runs: notes the trainable variables it reads.
class ReadCollector final : public Observer {
 public:
  ReadCollector() : hidden_(thread_context.observers), was_unseen_(thread_context.unseen) {
    thread_context.observers = this;
    thread_context.unseen = true;
  }
  // Tapes that the function made and kept record on, before those that were hidden. Behind these come the ones from
  // outside a trace that went on eagerly meanwhile.
  ~ReadCollector() {
    Observer** link = &thread_context.observers;
    while (*link != this) link = &(*link)->outer;
    *link = hidden_;
    while (*link) link = &(*link)->outer;
    *link = outer;
    thread_context.unseen = was_unseen_;
  }
  void observe(const Op&, std::span<const Operand>, Attributes, std::span<const Tensor>) override {}
  void observe_read(const std::shared_ptr<VariableState>& variable, const Tensor&) override {
    if (!variable->trainable) return;
    for (auto& seen : variables)
      if (seen == variable) return;
    variables.push_back(variable);
  }
  std::vector<std::shared_ptr<VariableState>> variables;

 private:
  Observer* hidden_;
  bool was_unseen_;
};

}  // namespace

// Never dispatched: the function's own operations ran, unseen, and tapes are told of this one in their place.
KEEN_OP(custom_function){
    .name = "custom_function",
    .arity = variadic,
    .attributes = function_attribute,
    .gradient = call_gradient,
    .formula = "a function with its own gradient"};

namespace {

using Forward = std::function<std::pair<Tensor, CustomGradient>()>;

// Runs `forward` unrecorded, then tells the tapes of one entry from inputs and read variables to its result.
Tensor record_as_one(const std::vector<Tensor>& inputs, const Forward& forward) {
  for (const Tensor& input : inputs) checked(input, "custom_gradient");
  std::vector<Variable> variables;
  Tensor result;
  CustomGradient gradient;
  std::vector<Tensor> operands_held = inputs;
  {
    ReadCollector reads;
    auto [y, function] = forward();
    checked(y, "custom_gradient");
    result = thread_context.interpreter ? y : stop_gradient(y);
    gradient = std::move(function);
    for (auto& state : reads.variables) variables.push_back(Variable::from_state(state));
  }
  if (!gradient) fail<UsageError>("custom_gradient", "the function gave no gradient function");
  for (auto& v : variables) operands_held.push_back(v.value());
  // Either way an identity of its own, so that tapes cannot mistake it for an input.
  if (thread_context.interpreter) result = thread_context.interpreter->with_gradient(result, operands_held, gradient);
  std::vector<Operand> operands;
  for (auto& t : operands_held) operands.emplace_back(t);
  Attribute attributes[] = {std::shared_ptr<void>(std::make_shared<CustomGradient>(std::move(gradient)))};
  for (Observer* o = thread_context.observers; o; o = o->outer)
    o->observe(custom_function_op, operands, attributes, {&result, 1});
  return result;
}

}  // namespace
}  // namespace detail

std::function<Tensor(const std::vector<Tensor>&)> custom_gradient(CustomFunction f) {
  if (!f) detail::fail<UsageError>("custom_gradient", "the function is empty: there is nothing to call");
  return [f = std::move(f)](const std::vector<Tensor>& inputs) {
    return detail::record_as_one(inputs, [&] { return f(inputs); });
  };
}

std::function<Tensor(const std::vector<Tensor>&)> recompute_grad(std::function<Tensor(const std::vector<Tensor>&)> f) {
  if (!f) detail::fail<UsageError>("recompute_grad", "the function is empty: there is nothing to call");
  return [f = std::move(f)](const std::vector<Tensor>& inputs) {
    return detail::record_as_one(inputs, [&] {
      using detail::DrawScope;
      const auto draws = std::make_shared<std::vector<Tensor>>();
      CustomGradient backward = [f, inputs, draws](const Tensor& dy) {
        const DrawScope same_draws(draws, DrawScope::Mode::repeat);
        GradientTape tape;
        tape.watch(inputs);
        Tensor y = f(inputs);
        std::vector<Source> sources(inputs.begin(), inputs.end());
        for (auto& v : tape.watched_variables()) sources.push_back(v);
        return tape.gradient(y, sources, {.output_gradients = {dy}});
      };
      const DrawScope kept(draws, DrawScope::Mode::keep);
      return std::pair{f(inputs), backward};
    });
  };
}

}  // namespace keen
