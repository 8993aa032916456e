// Looking inside a compiled function: what explain() tells, the graph as text and for Graphviz, the code, the log lines.
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "catch.h"
#include "fusion/jit_loader.h"
#include "keen/keen.h"

using namespace keen;

namespace {

bool has_jit() { return detail::fusion::jit_wanted() && detail::fusion::jit_available(); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Keeps log lines while it lives.
struct Lines {
  Lines() {
    set_log_handler([this](LogLevel, std::string_view line) { kept.emplace_back(line); });
  }
  ~Lines() { set_log_handler({}); }
  int with(const std::string& part) const {
    int found = 0;
    for (const auto& line : kept) found += contains(line, part);
    return found;
  }
  std::vector<std::string> kept;
};

}  // namespace

TEST_CASE(
    "explain tells what was pruned, every pass with its nodes before and after, and the steps", "[function][inside]") {
  auto f = function([](const Tensor& x) {
    const Tensor unused = named(exp(x), "unused");
    return matmul(tanh(x) * (constant(1.f) + 1.f) + 1.f, x);
  });
  f(ones({4, 4}));
  const std::string told = f.explain();
  INFO(told);
  CHECK(contains(told, "6 operations traced, 1 pruned, 5 run"));
  CHECK(contains(told, "pruned: exp 'unused': float32(4, 4)"));
  for (const char* pass :
       {"fold constants: 1 changed, 5 -> 4 operations: add", "unchanged at 4 operations: simplify", "merge common",
        "writes last"})
    CHECK(contains(told, pass));
  CHECK(contains(told, "plan: "));
  if (!has_jit()) return;
  // The values of the kernel's nodes are those of the graph.
  CHECK(contains(told, "out: tanh %"));
  const std::size_t at = told.find("out: tanh %") + 10;
  const std::string value = told.substr(at, told.find(',', at) - at);
  CHECK(contains(f.graph(), value + ": float32(4, 4) = tanh("));
}

TEST_CASE("explain shows the time of each step while functions are timed", "[function][inside]") {
  auto f = function([](const Tensor& x) { return matmul(exp(x), x); });
  const Tensor x = ones({8, 8});
  f(x);
  CHECK_FALSE(contains(f.explain(), " us "));
  time_functions(true);
  for (int i = 0; i < 3; ++i) f(x);
  time_functions(false);
  INFO(f.explain());
  CHECK(count(f.explain(), " us ") == 2);
}

TEST_CASE("kernels in the bodies of loops and branches have times as well", "[function][inside]") {
  auto f = function([](const Tensor& x) {
    Tensor s = x;
    for ([[maybe_unused]] Tensor i : range(3, carry(s))) s = tanh(s) * x;
    return cond(
        sum(s) > 0, [&] { return exp(s) + 1; }, [&] { return s; });
  });
  const Tensor x = ones({8, 8});
  time_functions(true);
  for (int i = 0; i < 3; ++i) f(x);
  time_functions(false);
  std::istringstream lines(f.explain());
  int kernels = 0, timed = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!contains(line, "kernel over")) continue;
    ++kernels;
    timed += contains(line, " us ");
  }
  INFO(f.explain());
  CHECK(kernels == 3);
  CHECK(timed == kernels);
}

TEST_CASE("explain shows the compiled halves of calls under a tape", "[function][inside]") {
  auto f = function([](const Tensor& x) { return sum(tanh(x) * x); });
  const Tensor x = ones({8});
  f(x);
  CHECK_FALSE(contains(f.explain(), "under a tape"));
  GradientTape tape;
  tape.watch(x);
  const Tensor y = f(x);
  CHECK(contains(f.explain(), "under a tape, forward:"));
  CHECK_FALSE(contains(f.explain(), "under a tape, backward:"));
  tape.gradient(y, x);
  CHECK(contains(f.explain(), "under a tape, backward:"));
}

TEST_CASE("the graph prints as text and for Graphviz, of functions and concrete functions", "[function][inside]") {
  Variable v(2.f, {.name = "scale"});
  auto f = function([&](const Tensor& x) { return exp(x) * v; });
  const auto concrete = f.get_concrete_function(TensorSpec({unknown, 3}));
  CHECK(contains(f.graph(), "= exp("));
  CHECK(f.dot() == concrete.dot());
  CHECK(f.dot().starts_with("digraph"));
  for (const char* part : {"label=\"exp\\n", "label=\"multiply\\n", "float32(?, 3)", "result 0", "scale"})
    CHECK(contains(f.dot(), part));
}

TEST_CASE("the bodies of branches and loops are printed, indented, and drawn as clusters", "[function][inside]") {
  auto f = function([](const Tensor& x) {
    const Tensor y = while_loop([](const Tensor& s) { return sum(s) < 9; }, [](const Tensor& s) { return exp(s); }, x);
    return cond(
        sum(y) > 0, [&] { return tanh(y); },
        [&] { return sum(scan([](const Tensor& s, const Tensor& row) { return s + sigmoid(row); }, y, y), 0); });
  });
  f.get_concrete_function(TensorSpec({3, 3}));
  const std::string graph = f.graph(), dot = f.dot();
  INFO(graph);
  CHECK_FALSE(contains(graph, "shared"));
  for (const char* part :
       {"\n  condition:\n    %0: float32(3, 3) = input\n", "\n  body:\n    %0: float32(3, 3) = input\n",
        "= exp(%0)\n    return %1\n", "\n  branch 0:\n", "\n  branch 1:\n", "= tanh(", "      body:\n", "= sigmoid("})
    CHECK(contains(graph, part));
  INFO(dot);
  for (const char* part :
       {"label=\"condition\"", "label=\"body\"", "label=\"branch 1\"", "label=\"exp\\n", "label=\"sigmoid\\n"})
    CHECK(contains(dot, part));
  CHECK(count(dot, "subgraph cluster_") == 5);
  CHECK(count(dot, "{") == count(dot, "}"));
}

TEST_CASE(
    "every segment between decisions of the host is shown, under the answers that lead to it", "[function][inside]") {
  auto f = function([](Tensor x) {
    if (sum(x) > 2.f) x = exp(x);
    while (max(x) > 1.f) x = x * 0.5f;
    return tanh(x);
  });
  f(full({2}, 0.1f));
  f(full({2}, 1.5f));
  const std::string graph = f.graph(), told = f.explain(), dot = f.dot();
  INFO(graph);
  for (const char* part :
       {"segment 0:\n  %0: float32(2,) = input\n", "  asks for the truth of %", "segment 1, after false:\n",
        "segment 3, after true:\n", "= exp(", "segment 4, after true, true:\n", ": as segment ", "= tanh("})
    CHECK(contains(graph, part));
  INFO(told);
  CHECK(contains(told, "decisions of the host: 8 segments, "));
  CHECK(contains(told, "segment 0: "));
  CHECK(contains(told, "segment 3, after true: "));
  CHECK(contains(told, ": as segment "));
  CHECK(count(told, "plan: ") >= 4);
  INFO(dot);
  CHECK(count(dot, "subgraph cluster_") == 8);
  CHECK(contains(dot, "s0 -> s1 [ltail=cluster_s0, lhead=cluster_s1, label=\"false\"]"));
  CHECK(count(dot, "{") == count(dot, "}"));
  CHECK(f.get_concrete_function(full({2}, 1.5f)).graph() == graph);
  if (has_jit()) CHECK(f.kernel_ir().size() >= 3);
}

TEST_CASE("the code of every kernel can be read", "[function][inside]") {
  auto f = function([](const Tensor& x) { return std::pair{tanh(x) + 1.f, matmul(x, exp(x))}; });
  f(ones({4, 4}));
  const auto code = f.kernel_ir();
  if (!has_jit()) {
    CHECK(code.empty());
    return;
  }
  CHECK(code.size() == static_cast<std::size_t>(count(f.explain(), "kernel over")));
  CHECK(f.get_concrete_function(ones({4, 4})).kernel_ir() == code);
  for (const auto& text : code) CHECK(contains(text, "define"));
  auto loop = function([](const Tensor& x) {
    Tensor y = x;
    for ([[maybe_unused]] Tensor t : range(9, carry(y))) y = tanh(y) * 0.5f + x;
    return cond(
        sum(y) > 0, [&] { return exp(y) + 1.f; }, [&] { return y * 2.f - x; });
  });
  loop(ones({4, 4}));
  INFO(loop.explain());
  CHECK(loop.kernel_ir().size() == static_cast<std::size_t>(count(loop.explain(), "kernel over")));
  CHECK(loop.kernel_ir().size() >= 3);
}

TEST_CASE("kernels are logged a line each on request, and silent otherwise", "[function][inside]") {
  if (!has_jit()) return;
  // A constant that no earlier run can have compiled: the first kernel is new, the second is in memory.
  const float odd = 1.f + static_cast<float>(getpid()) / 65536;
  const auto body = [odd](const Tensor& x) { return tanh(x * odd) - odd; };
  Lines lines;
  log_kernels(true);
  function(body)(ones({5}));
  CHECK(lines.with("compiled in ") + lines.with("read from the disk in ") == 1);
  function(body)(ones({6}));
  CHECK(lines.with("3 nodes") == 0);
  CHECK(lines.with(": in memory") == 1);
  CHECK(lines.kept.size() == 2);
  CHECK(lines.kept[0].substr(0, 19) == lines.kept[1].substr(0, 19));  // the same kernel
  log_kernels(false);
  function(body)(ones({7}));
  CHECK(lines.kept.size() == 2);
}

TEST_CASE("threads that want one kernel compile it once", "[function][inside]") {
  if (!has_jit()) return;
  const float odd = 2.f + static_cast<float>(getpid()) / 65536;
  const auto before = detail::fusion::jit_stats();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([odd] { function([odd](const Tensor& x) { return tanh(x * odd) + odd; })(ones({5})); });
  for (auto& thread : threads) thread.join();
  const auto after = detail::fusion::jit_stats();
  CHECK(after.compilations + after.disk_hits - before.compilations - before.disk_hits == 1);
  CHECK(after.hits - before.hits == 3);
}

// Not run by itself: tests/tree/kernel_cache.py starts it in one process after another.
TEST_CASE("a function is right whatever its kernel cache is like, and says how it got its kernels", "[.kernel_cache]") {
  auto f = function([](const Tensor& x) { return std::pair{sum(square(x) + 1.f, 1), tanh(x) * 2.f}; });
  const Tensor x = random::normal({5, 7}, {.seed = 1});
  const auto [a, b] = f(x);
  CHECK(allclose(a, sum(square(x) + 1.f, 1)));
  CHECK(array_equal(b, tanh(x) * 2.f));
  const auto stats = detail::fusion::jit_stats();
  std::ifstream maps("/proc/self/maps");
  const std::string mapped{std::istreambuf_iterator<char>(maps), {}};
  std::cout << "compiled " << stats.compilations << ", read " << stats.disk_hits
            << (contains(mapped, "LLVM") ? ", with LLVM\n" : ", without LLVM\n");
}

TEST_CASE("what there is to see before a trace, behind errors and of several signatures", "[function][inside]") {
  bool broken = true;
  auto f = function(
      [&](const Tensor& x, const Tensor& at) { return broken ? x + ones({7}) : gather(x, at) * 2; }, {.name = "f"});
  const auto nothing = [&] {
    for (auto show : {&decltype(f)::explain, &decltype(f)::dot})
      CHECK_THROWS_WITH((f.*show)(), "[f] nothing has been traced yet: call it, or ask get_concrete_function");
    CHECK_THROWS_AS(f.graph(), UsageError);
    CHECK_THROWS_AS(f.kernel_ir(), UsageError);
    CHECK(f.trace_count() == 0);
  };
  nothing();
  CHECK_THROWS_AS(f(ones({3}), 0), ShapeError);
  nothing();  // a trace that failed is none
  broken = false;
  CHECK_THROWS_AS(f(ones({3}), 9), IndexError);  // its replay fails, the trace is there
  CHECK(contains(f.explain(), "f: 2 operations traced, 0 pruned, 2 run"));
  CHECK(contains(f.graph(), "float32(3,) = input"));
  f(ones({4}), 1);
  CHECK(contains(f.graph(), "float32(4,) = input"));
  f(ones({3}), 1);  // the last one called
  CHECK(contains(f.graph(), "float32(3,) = input"));
  CHECK(f.dot().starts_with("digraph"));
  CHECK(f.trace_count() == 2);
}

TEST_CASE("a function that is asked about itself while it is traced says so", "[function][inside]") {
  std::function<std::string()> ask;
  auto f = function([&](const Tensor& x) {
    CHECK_THROWS_AS(ask(), UsageError);
    return x + 1;
  });
  ask = [&] { return f.explain() + std::to_string(f.trace_count()); };
  f(1.f);
  CHECK_FALSE(ask().empty());
}
