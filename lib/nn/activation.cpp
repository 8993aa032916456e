// Activation functions by operation and by name.
#include "keen/nn/activation.h"

#include <string_view>

#include "core/message.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"

namespace keen::nn {

namespace {

using Function = Tensor (*)(TensorOperand);

struct Known {
  std::string_view name;
  Function function;
};
const Known known_functions[] = {
    {"linear", nullptr},          {"relu", relu},       {"tanh", tanh},
    {"sigmoid", sigmoid},         {"exponential", exp}, {"softmax", softmax},
    {"log_softmax", log_softmax}, {"gelu", gelu},       {"softplus", softplus},
};

}  // namespace

// The result may take over the operand's buffer.
ActivationFunction::ActivationFunction(Function function) {
  if (function) call_ = [function](Tensor&& x) { return function({std::move(x), Where()}); };
}
ActivationFunction::ActivationFunction(Tensor (*function)(const Tensor&)) {
  if (function) call_ = [function](Tensor&& x) { return function(x); };
}

ActivationFunction::ActivationFunction(const char* name) {
  if (!name) return;
  std::string names;
  for (const auto& known : known_functions) {
    if (known.name == name) {
      *this = ActivationFunction(known.function);
      return;
    }
    names.append(names.empty() ? "" : ", ").append(known.name);
  }
  detail::fail<UsageError>("activation", "no activation '", name, "': there are ", names);
}

}  // namespace keen::nn
