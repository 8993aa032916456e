// Processes are measured by a small launcher of their own.
#include "harness/process.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

std::string self() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string launcher() {
  if (const char* path = std::getenv("KEEN_BENCH_USAGE")) return path;
  return (std::filesystem::path(self()).parent_path() / "bench_usage").string();
}

std::string quoted(const std::string& word) { return "'" + word + "'"; }

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  if (pclose(pipe) != 0) throw std::runtime_error("this command failed: " + command);
  return text;
}

/// Of up to `runs` runs, fewer when they take long.
Cost median_cost(const std::string& command, int runs) {
  std::vector<double> seconds, peaks;
  for (double spent = 0; static_cast<int>(seconds.size()) < runs && spent < 10; spent += seconds.back()) {
    const Cost cost = run_command(command);
    seconds.push_back(cost.seconds);
    peaks.push_back(cost.peak_mb);
  }
  return {median(seconds), median(peaks)};
}

/// Megabytes of the shared objects that a binary loads, those of the C and C++ runtime aside.
double linked_mb(const std::string& binary) {
  // "libkeen.so.0 => /path/libkeen.so.0 (0x7f...)": the third word is a path for everything that is a file.
  const std::string paths = output_of(
      "ldd " + quoted(binary) +
      " | awk '$3 ~ /^\\// {print $3}' | grep -vE '/(libc|libm|libstdc\\+\\+|libgcc_s)\\.so'");
  double bytes = 0;
  for (std::size_t at = 0, end; (end = paths.find('\n', at)) != std::string::npos; at = end + 1)
    bytes += static_cast<double>(std::filesystem::file_size(paths.substr(at, end - at)));
  return bytes / 1e6;
}

}  // namespace

Cost run_command(const std::string& command) {
  const std::string line = output_of(launcher() + " " + command);
  Cost cost;
  if (std::sscanf(line.c_str(), "%lf %lf", &cost.seconds, &cost.peak_mb) != 2)
    throw std::runtime_error("bench_usage printed '" + line + "'");
  return cost;
}

double own_output(const std::string& environment, const std::string& arguments) {
  return std::stod(output_of(environment + ' ' + quoted(self()) + ' ' + arguments));
}

TemporaryFolder::TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "keen-bench-XXXXXX") {
  if (!mkdtemp(path_.data())) throw std::runtime_error("cannot make a folder " + path_);
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

BusyNeighbour::BusyNeighbour() : pid_(fork()) {
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) asm volatile("");
}

BusyNeighbour::~BusyNeighbour() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void add_user_program(Suite& suite, const std::string& compile, const std::string& binary) {
  suite.add("build_user_program", "s", [=](const Timer&) { return median_cost(compile, 3).seconds; });
  suite.add("build_user_program.memory", "MB", [=](const Timer&) { return run_command(compile).peak_mb; });
  const auto start = [=] {
    if (!std::filesystem::exists(binary)) run_command(compile);
    return median_cost(quoted(binary), 11);
  };
  suite.add("start", "ms", [=](const Timer&) { return start().seconds * 1e3; });
  suite.add("start.memory", "MB", [=](const Timer&) { return start().peak_mb; });
  suite.add("installed_size.linked", "MB", [=](const Timer&) {
    if (!std::filesystem::exists(binary)) run_command(compile);
    return linked_mb(binary);
  });
}

void add_training_memory(Suite& suite) {
  suite.add("memory", "MB", [](const Timer&) { return run_command(quoted(self()) + " --train-lenet 200").peak_mb; });
}

void add_neighbour(Suite& suite, std::function<std::function<void()>()> make_step) {
  suite.add("neighbour", "x", [=](const Timer& timer) {
    const auto step = make_step();
    const double alone = timer.seconds(step);
    BusyNeighbour busy;
    return timer.seconds(step) / alone;
  });
}

}  // namespace bench
