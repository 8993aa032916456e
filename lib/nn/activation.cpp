// Activation functions by operation and by name.
#include "keen/nn/activation.h"

#include <string_view>

#include "core/message.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"

namespace keen::nn {

namespace {

using Function = Tensor (*)(const Tensor&);
using InPlace = Tensor (*)(Tensor&&);  // may take over its operand's buffer

struct Known {
  std::string_view name;
  Function function;
  InPlace in_place;
};
const Known known_functions[] = {
    {"linear", nullptr, nullptr},          {"relu", relu, relu},      {"tanh", tanh, tanh},
    {"sigmoid", sigmoid, sigmoid},         {"exponential", exp, exp}, {"softmax", softmax, nullptr},
    {"log_softmax", log_softmax, nullptr}, {"gelu", gelu, nullptr},   {"softplus", softplus, nullptr},
};

std::function<Tensor(Tensor&&)> best_form(const Known& known) {
  if (known.in_place) return known.in_place;
  if (known.function) return [f = known.function](Tensor&& x) { return f(x); };
  return {};
}

}  // namespace

ActivationFunction::ActivationFunction(Function function) {
  if (!function) return;
  for (const auto& known : known_functions) {
    if (known.function == function) {
      call_ = best_form(known);
      return;
    }
  }
  call_ = [function](Tensor&& x) { return function(x); };
}

ActivationFunction::ActivationFunction(const char* name) {
  if (!name) return;
  std::string names;
  for (const auto& known : known_functions) {
    if (known.name == name) {
      call_ = best_form(known);
      return;
    }
    names.append(names.empty() ? "" : ", ").append(known.name);
  }
  detail::fail<UsageError>("activation", "no activation '", name, "': there are ", names);
}

}  // namespace keen::nn
