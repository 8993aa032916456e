// What a first call costs, and how compiling and replaying grow with the graph.
#include <chrono>

#include "harness/process.h"
#include "harness/sizes.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {
namespace {

using namespace keen;

constexpr int nodes_in_kernel = 5;

/// A call of a graph of `nodes` operations, five of them a kernel: the next kernel reads one element of what this one
/// gives for all of its own.
std::function<void()> graph_of(int nodes) {
  const auto f = function([=](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < nodes / nodes_in_kernel; ++i) y = (y * 0.9f + x) * y(slice(0, 1)) - x;
    return y;
  });
  return [f, x = random::uniform({16})] { keep(f(x)); };
}

/// A call of a graph of `nodes` operations that do not wait for each other: half of them sums of what the others give.
std::function<void()> wide_graph_of(int nodes) {
  const auto f = function([=](const Tensor& x) {
    std::vector<Tensor> sums;
    for (int i = 0; i < nodes / 2; ++i) sums.push_back(sum(x * static_cast<float>(i)));
    return stack(sums);
  });
  return [f, x = random::uniform({16})] { keep(f(x)); };
}

double milliseconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// In a process of its own, with the kernel cache in `folder`.
double first_call_with(const TemporaryFolder& folder, const std::string& name) {
  return own_output("KEEN_CACHE_DIR=" + folder.path(), "--first-call " + name);
}

/// The middle one of three processes, each with an empty kernel cache.
double cold(const std::string& name) {
  std::vector<double> runs;
  for (int i = 0; i < 3; ++i) runs.push_back(first_call_with(TemporaryFolder(), name));
  return median(runs);
}

/// The middle one of five processes that find what an earlier one compiled.
double cached(const std::string& name) {
  const TemporaryFolder folder;
  first_call_with(folder, name);
  std::vector<double> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(first_call_with(folder, name));
  return median(runs);
}

}  // namespace

double first_call(const std::string& name) {
  const auto digits = name.find_first_of("0123456789");
  const auto call = name == "mlp"              ? compiled_steps_of(mlp(32))
                    : name.starts_with("wide") ? wide_graph_of(std::stoi(name.substr(digits)))
                                               : graph_of(std::stoi(name.substr(digits)));
  const double first = milliseconds(call);
  return first - milliseconds(call);
}

void add_growth(Suite& suite) {
  suite.add("compile_ms", "ms", [](const Timer&) { return cold("mlp"); });
  suite.add("compile_ms.cached", "ms", [](const Timer&) { return cached("mlp"); });
  for (int nodes : growth_graphs) {
    const std::string name = size_name(nodes), number = std::to_string(nodes);
    suite.add("growth_compile_" + name, "ms", [=](const Timer&) { return cold("graph" + number); });
    suite.add("growth_wide_" + name, "ms", [=](const Timer&) { return cold("wide" + number); });
    suite.add("growth_replay_" + name, "us", [=](const Timer& timer) { return timer.us(graph_of(nodes)); });
  }
  // A kernel of 16 elements, with everything around it.
  suite.add("kernel_replay_ns", "ns", [](const Timer& timer) {
    constexpr int nodes = 10'000;
    return timer.ns_each(nodes / nodes_in_kernel, graph_of(nodes));
  });
}

}  // namespace bench
