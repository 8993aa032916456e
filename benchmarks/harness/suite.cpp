// The command line of every benchmark program.
#include "harness/suite.h"

#include <fnmatch.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>

namespace bench {
namespace {

struct Arguments {
  std::vector<std::string> names;
  Timer timer;
  int threads = 2;
  int train_lenet = 0;
  std::string first_call;
  bool json = false, list = false, bad = false;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_next = i + 1 < argc;
    if (word == "--json") a.json = true;
    else if (word == "--list") a.list = true;
    else if (word == "--quick") a.timer = {.warm_up = 0.02, .block = 0.005, .blocks = 5, .budget = 0.3};
    else if (word == "--threads" && has_next) a.threads = std::atoi(argv[++i]);
    else if (word == "--train-lenet" && has_next) a.train_lenet = std::atoi(argv[++i]);
    else if (word == "--first-call" && has_next) a.first_call = argv[++i];
    else if (word.starts_with("--")) a.bad = true;
    else a.names.push_back(word);
  }
  return a;
}

/// A name selects itself and its variants; "poly10_*" whatever the shell pattern matches.
bool selected(const std::string& workload, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  for (const auto& name : names) {
    if (workload.starts_with(name + ".")) return true;
    if (fnmatch(name.c_str(), workload.c_str(), 0) == 0) return true;
  }
  return false;
}

bool unknown_name(const Suite& suite, const std::vector<std::string>& names) {
  bool unknown = false;
  for (const auto& name : names) {
    bool found = false;
    for (const auto& w : suite.workloads) found = found || selected(w.name, {name});
    if (!found) std::fprintf(stderr, "%s: no workload '%s' (--list shows them)\n", suite.program.c_str(), name.c_str());
    unknown = unknown || !found;
  }
  return unknown;
}

/// What a process of its own was started for, if it was.
std::optional<int> run_errand(const Suite& suite, const Arguments& arguments) {
  try {
    if (arguments.train_lenet) suite.train_lenet(arguments.train_lenet);
    else if (!arguments.first_call.empty()) std::printf("%.6g\n", suite.first_call(arguments.first_call));
    else return std::nullopt;
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", suite.program.c_str(), error.what());
    return 1;
  }
}

}  // namespace

int run_suite(const Suite& suite, int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  if (arguments.bad) {
    std::fprintf(stderr, "usage: %s [--list] [--json] [--quick] [--threads N] [workload...]\n", argv[0]);
    return 2;
  }
  if (arguments.list) {
    for (const auto& w : suite.workloads) std::printf("%s\t%s\n", w.name.c_str(), w.unit.c_str());
    return 0;
  }
  if (suite.set_threads) suite.set_threads(arguments.threads);
  if (const auto done = run_errand(suite, arguments)) return *done;
  int result = unknown_name(suite, arguments.names) ? 1 : 0;
  const char* separator = "{";
  for (const auto& w : suite.workloads) {
    if (!selected(w.name, arguments.names)) continue;
    try {
      const double value = w.run(arguments.timer);
      if (arguments.json)
        std::printf(
            "%s\n  \"%s.%s\": {\"value\": %.6g, \"unit\": \"%s\"}", separator, suite.program.c_str(), w.name.c_str(),
            value, w.unit.c_str());
      else std::printf("%s.%s\t%.5g\t%s\n", suite.program.c_str(), w.name.c_str(), value, w.unit.c_str());
      separator = ",";
      std::fflush(stdout);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s.%s: %s\n", suite.program.c_str(), w.name.c_str(), error.what());
      result = 1;
    }
  }
  if (arguments.json) std::printf("%s\n}\n", *separator == '{' ? "{" : "");
  return result;
}

}  // namespace bench
