// Suite: the named workloads of one benchmark program, and its command line.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/timer.h"

namespace bench {

struct Workload {
  std::string name;  ///< as in the table; a variant adds a suffix: "poly10_1e6_us.compiled"
  std::string unit;
  std::function<double(const Timer&)> run;  ///< gives the value in that unit
};

struct Suite {
  std::string program;                         ///< first part of every printed name: "keen"
  std::function<void(int)> set_threads;        ///< called once, before any workload
  std::function<void(int steps)> train_lenet;  ///< what `--train-lenet STEPS` runs, for the memory row
  /// Milliseconds that the first call of a function costs more than a later one: what `--first-call NAME` prints.
  std::function<double(const std::string& name)> first_call = {};
  std::vector<Workload> workloads = {};

  void add(std::string name, std::string unit, std::function<double(const Timer&)> run) {
    workloads.push_back({std::move(name), std::move(unit), std::move(run)});
  }
};

/// Runs the workloads named on the command line (none: all; shell patterns allowed; a name takes its variants along)
/// and prints `program.name<TAB>value<TAB>unit` lines, or one JSON object with --json. Options: --list, --quick,
/// --threads N (default 2). A workload that fails says so on stderr, and the result is 1.
int run_suite(const Suite& suite, int argc, char** argv);

}  // namespace bench
