// Compiled against eager, bit for bit: random programs, with and without kernels.
#include "catch.h"
#include "core/message.h"
#include "function/executable.h"
#include "function/random_program.h"
#include "function/traced.h"
#include "fusion/fused.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

/// What goes wrong when a program runs as a plan; empty if nothing does.
std::string difference(const Program& program, bool fuse) try {
  const auto arguments = program.arguments();
  const auto expected = program.run(arguments);
  auto graph = traced_for(arguments, [&](const std::vector<Tensor>& in) { return program.run(in); });
  run_passes(*graph);
  graph->check();
  std::vector<detail::Shape> strides;
  for (const auto& t : arguments) strides.push_back(t.strides());
  const Plan plan(graph, strides, {.fuse = fuse});
  for (int call = 0; call < 2; ++call) {
    const auto results = plan.run(arguments);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (!same_bits(results[i], expected[i]))
        return text(
            "result ", i, " of call ", call, ":\n", results[i].to_string(), "\ninstead of\n", expected[i].to_string(),
            "\n", graph->to_string());
  }
  return {};
} catch (const std::exception& error) {
  return error.what();
}

void check_programs(std::uint32_t first, std::uint32_t count, bool fuse) {
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    const Program program = Program::draw(seed);
    if (difference(program, fuse).empty()) continue;
    const Program least = shrink(program, [&](const Program& p) { return !difference(p, fuse).empty(); });
    FAIL_CHECK(least.to_string() << '\n' << difference(least, fuse));
  }
}

}  // namespace

TEST_CASE("two thousand random programs give the eager bits when planned without kernels", "[function][differential]") {
  check_programs(0, 2000, false);
}

TEST_CASE("two thousand random programs give the eager bits when fused", "[function][differential]") {
  if (!has_jit()) return;
  check_programs(0, 2000, true);
}
