// Every operation, in every dtype and layout that the NumPy reference has, compiled against eager.
#include <iostream>

#include "catch.h"
#include "function/executable.h"
#include "function/traced.h"
#include "fusion/fused.h"
#include "ops/calls.h"

using namespace keen;
using namespace keen::test;

namespace {

/// The operation's result, and what elementwise operations around it make of that: with these it fuses.
std::vector<Tensor> around(const Call& call, const Words& attributes, const std::vector<Tensor>& inputs) {
  const Tensor y = call(attributes, inputs);
  if (is_complex(y.dtype()) || y.dtype() == float16 || y.dtype() == bfloat16) return {y};
  return {y, maximum(y, y) == y, y.dtype() == bool_ ? logical_not(y) : y * y};
}

std::string compare(const Call& call, const keen::test::Group& group, const std::vector<Tensor>& inputs) try {
  const auto expected = around(call, group.attributes, inputs);
  const detail::Executable run(
      traced_for(inputs, [&](const std::vector<Tensor>& in) { return around(call, group.attributes, in); }));
  const auto got = run.run(inputs);
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (same_bits(got[i], expected[i])) continue;
    // Sums may be taken in another order.
    if (group.tolerance.kind == Tolerance::exact || i == 1) return "result " + std::to_string(i) + " has other bits";
    const std::string problem = difference(got[i], expected[i], {Tolerance::close, 1e-5});
    if (!problem.empty()) return problem;
  }
  return {};
} catch (const std::exception& error) {
  return error.what();
}

}  // namespace

TEST_CASE("every operation gives the same compiled as eagerly", "[function][differential]") {
  const auto calls = all_calls();
  std::ifstream in(KEEN_TESTS_DIR "/ops/reference.txt");
  int compared = 0, failures = 0;
  std::uint64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    const auto group = parse_group(line, number++);
    const auto call = calls.find(group.name);
    if (call == calls.end()) continue;
    for (const auto& dtype : group.dtypes) {
      ++compared;
      const std::string problem = compare(call->second, group, group.inputs(dtype));
      if (problem.empty() || ++failures > 20) continue;
      FAIL_CHECK(line << " in " << dtype << ": " << problem);
    }
  }
  CHECK(failures == 0);
  CHECK(compared > 1000);
  std::cout << compared << " compiled operations compared with eager ones\n";
}
