// Plans of callables, compared with what runs eagerly, for the tests of this room.
#pragma once
#include "catch.h"
#include "function/passes/passes.h"
#include "function/plan.h"
#include "function/traced.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"

namespace keen::test {

struct Planned {
  int steps, kernels;
};
/// How a body runs, after its results have been compared with the eager ones.
inline Planned planned(const std::vector<Tensor>& arguments, const Body& body) {
  auto graph = traced_for(arguments, body);
  detail::run_passes(*graph);
  std::vector<detail::Shape> strides;
  for (const auto& t : arguments) strides.push_back(t.strides());
  const detail::Plan plan(graph, strides, {.fuse = true});
  const auto got = plan.run(arguments), expected = body(arguments);
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].dtype() == expected[i].dtype());
    CHECK(allclose(got[i].cast(float64), expected[i].cast(float64), 1e-5, 1e-5));
  }
  return {static_cast<int>(plan.steps().size()), plan.kernels()};
}

}  // namespace keen::test
