// Whole processes as workloads: what a command costs, and a neighbour that keeps one core busy.
#pragma once
#include <string>

#include "harness/suite.h"

namespace bench {

/// What one run of a command took.
struct Cost {
  double seconds = 0;
  double peak_mb = 0;  ///< resident, of its largest process
};
/// Runs a program with arguments (words of the shell) and discards its output; throws when it fails. Goes through `bench_usage` (KEEN_BENCH_USAGE,
/// else beside this program): a child of this process would inherit its peak.
Cost run_command(const std::string& command);

/// The number that this program prints when it is started with these arguments, and variables ("NAME=value") before it.
double own_output(const std::string& environment, const std::string& arguments);

/// An empty folder, gone at the end of the object's life.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// A child that does nothing but compute, until the end of the object's life.
class BusyNeighbour {
 public:
  BusyNeighbour();
  ~BusyNeighbour();
  BusyNeighbour(const BusyNeighbour&) = delete;
  BusyNeighbour& operator=(const BusyNeighbour&) = delete;

 private:
  int pid_;
};

/// Adds build_user_program, start, installed_size.linked and their memory: `compile` builds `binary`.
void add_user_program(Suite& suite, const std::string& compile, const std::string& binary);
/// Adds memory: the peak of a process that trains the LeNet for 200 steps.
void add_training_memory(Suite& suite);
/// Adds neighbour: `step` timed beside a busy neighbour, against alone.
void add_neighbour(Suite& suite, std::function<std::function<void()>()> make_step);

}  // namespace bench
