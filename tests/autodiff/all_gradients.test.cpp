// First and second order gradients of every differentiable operation against central differences. The list of
// operations is the descriptions', so that none can be forgotten.
#include <iostream>
#include <map>

#include "autodiff/samples.h"
#include "catch.h"
#include "keen/autodiff/gradient_check.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/log.h"

using namespace keen;
using namespace keen::test;

namespace {

// Differentiable operations without a sample, and why.
const std::map<std::string, const char*> without_sample = {
    {"no_turns", "loops that do not turn, only told to tapes: tests/function/agreement.test.cpp"},
    {"ensure_shape", "the identity where sizes are known: tests/function/open_sizes.test.cpp"},
    {"largest", "as of max; inside logsumexp, which stops it: tests/function/open_axes.test.cpp"},
    {"same", "the identity, only told to tapes: tests/function/host_control.test.cpp"},
    {"sum_to", "only in traces: tests/function/open_sizes.test.cpp"},
    {"staged", "the gradients of branches and loops: tests/function/control_flow.test.cpp"},
    {"custom_function", "its gradient is the user's: custom_gradient.test.cpp"},
    {"compiled_call", "a compiled function as a tape sees it: tests/function/gradients.test.cpp"},
};

int check(const std::vector<Sample>& samples, int order) {
  int checked = 0;
  for (auto& s : samples) {
    std::string shapes;
    for (auto& x : s.inputs) shapes += ' ' + x.shape().to_string() + (x.is_contiguous() ? "" : "*");
    INFO(s.operation << shapes << ", sample " << checked);
    try {
      // The second order differentiates a gradient of the first, so its errors are larger: a wider step balances them.
      auto result = gradient_check(s.call, s.inputs, {.rtol = 1e-4, .atol = 1e-6, .order = order});
      INFO(result.message);
      CHECK(result.ok);
    } catch (const Error& e) {
      FAIL_CHECK(e.what());
    }
    ++checked;
  }
  return checked;
}

std::vector<Sample> described_samples() {
  std::vector<Sample> out;
  for (auto& list : {reduction_samples(), shape_samples(), indexing_samples(), network_samples()})
    out.insert(out.end(), list.begin(), list.end());
  return out;
}

}  // namespace

TEST_CASE("every differentiable operation has a gradient and a sample", "[gradients]") {
  std::map<std::string, int> samples;
  for (auto& s : described_samples()) ++samples[s.operation];
  for (const detail::Op* op : detail::all_ops()) {
    INFO(op->name);
    bool differentiable = op->differentiable == detail::Differentiable::yes;
    CHECK(differentiable == (op->gradient != nullptr));
    if (differentiable && !op->is_elementwise()) CHECK((samples[op->name] > 0) != without_sample.contains(op->name));
  }
}

TEST_CASE("gradients of elementwise operations agree with differences to second order", "[gradients]") {
  int checked = 0;
  for (const detail::Op* op : detail::all_ops())
    if (op->is_elementwise() && op->differentiable == detail::Differentiable::yes)
      checked += check(elementwise_samples(*op), 2);
  std::cout << checked << " elementwise gradients checked to second order\n";
}

TEST_CASE("gradients of all other operations agree with differences to second order", "[gradients]") {
  std::cout << check(described_samples(), 2) << " gradients checked to second order\n";
}

TEST_CASE("gradients of functions made of several operations agree with differences to second order", "[gradients]") {
  std::cout << check(composite_samples(), 2) << " gradients of compositions checked to second order\n";
}

TEST_CASE("an operation that is flat gives no gradient", "[gradients]") {
  Tensor x = constant({1.5f, -2.f});
  set_log_handler([](LogLevel, std::string_view) {});  // a bool target warns
  for (const detail::Op* op : detail::all_ops()) {
    if (!op->is_elementwise() || op->differentiable != detail::Differentiable::no ||
        !(op->dtypes & detail::bit(float32)))
      continue;
    INFO(op->name);
    GradientTape tape;
    tape.watch(x);
    std::vector<Operand> operands;
    for (int i = 0; i < op->arity; ++i) operands.emplace_back(x);
    Tensor y = detail::dispatch(*op, operands, {});
    CHECK_FALSE(tape.gradient(y, x).defined());
  }
  set_log_handler({});
}

TEST_CASE("the gradient of a cast has the dtype of the operand", "[gradients]") {
  Tensor x = constant({1.f, 2.f});
  GradientTape tape;
  tape.watch(x);
  Tensor dx = tape.gradient(square(x.cast(float64)), x);
  CHECK(dx.dtype() == float32);
  CHECK(dx.to_vector<float>() == std::vector<float>{2, 4});
}

TEST_CASE("the gradient of a product is right where factors are 0", "[gradients]") {
  for (int zeros : {1, 2}) {
    Tensor x = where(range(6).tensor() < zeros, 0, sample("6:c", 1, detail::Domain::nonzero));
    CHECK(gradient_check([](Inputs in) { return prod(in[0]); }, {x}));
  }
}

TEST_CASE("gradient_check takes a tensor that is there twice as two inputs", "[tape]") {
  const Tensor x = constant({1.5, -0.5});
  const Tensor wide = x.cast(float64);
  CHECK(gradient_check([](const std::vector<Tensor>& in) { return in[0] * in[0] * in[1]; }, {wide, wide}));
}
