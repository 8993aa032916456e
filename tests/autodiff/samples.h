// One or more differentiable calls of each operation, for the gradient checks: inputs are float64.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/op.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "ops/helpers.h"
#include "support/inputs.h"

namespace keen::test {

using Inputs = const std::vector<Tensor>&;

struct Sample {
  std::string operation;
  std::function<Tensor(Inputs)> call;
  std::vector<Tensor> inputs;
};

/// A float64 operand by its words, and moved into a domain where central differences mean something: away from 0 and
/// from ties between the two operands.
inline Tensor sample(const std::string& spec, std::uint64_t seed, detail::Domain domain = detail::Domain::real) {
  auto drawn = [&](const char* words) { return operand(spec + ':' + words, float64, seed); };
  switch (domain) {
    case detail::Domain::positive:
      return drawn("unit") + 1.5;
    case detail::Domain::unit:
      return drawn("unit") * 0.9;
    case detail::Domain::nonzero: {
      Tensor u = drawn("unit");
      return where(u < 0, u - 0.5, u + 0.5);
    }
    case detail::Domain::distinct:
      return drawn("distinct") + 0.07 * static_cast<double>(seed % 3);
    default:
      return drawn("small");
  }
}

/// Elementwise operations need no sample of their own: arity and domain say all.
inline std::vector<Sample> elementwise_samples(const detail::Op& op) {
  std::vector<Sample> out;
  auto call = [&op](Inputs in) {
    std::vector<Operand> operands;
    for (auto& t : in) operands.emplace_back(t);
    return detail::dispatch(op, operands, {});
  };
  if (op.arity == 1) {
    for (const char* spec : {"3x4:c", "2x3x2:t", "3x3:s", "3x2:b", "-:c", "0x3:c"})
      out.push_back({op.name, call, {sample(spec, 1, op.domain)}});
  } else {
    for (auto [a, b] :
         {std::pair{"3x4:c", "3x4:c"},
          {"3x1:c", "1x4:t"},
          {"2x3:t", "3:c"},
          {"-:c", "2x2:s"},
          {"2x3:b", "-:c"},
          {"-:c", "-:c"},
          {"0x3:c", "3:c"}})
      out.push_back({op.name, call, {sample(a, 1, op.domain), sample(b, 2, op.domain)}});
  }
  return out;
}

std::vector<Sample> reduction_samples();
std::vector<Sample> shape_samples();
std::vector<Sample> indexing_samples();
std::vector<Sample> network_samples();
std::vector<Sample> composite_samples();

}  // namespace keen::test
