// keen_bench: measures Keen alone. compare.py runs it beside the peers.
#include <filesystem>

#include "harness/process.h"
#include "keen/device.h"
#include "keen/workloads.h"

namespace {

/// Megabytes of Keen's own libraries, plugins included; links to them count once.
double installed_mb() {
  double bytes = 0;
  for (const char* folder : {KEEN_BENCH_BUILD "/lib", KEEN_BENCH_BUILD "/cuda"}) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      const bool ours = name.starts_with("libkeen") && name.find(".so") != std::string::npos;
      if (ours && entry.is_regular_file() && !entry.is_symlink() && !name.ends_with(".symbols"))
        bytes += static_cast<double>(entry.file_size());
    }
  }
  return bytes / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Suite suite{
      .program = "keen",
      .set_threads = keen::set_num_threads,
      .train_lenet = bench::train_lenet,
      .first_call = bench::first_call};
  bench::add_small(suite);
  bench::add_elementwise(suite);
  bench::add_matrix(suite);
  bench::add_training(suite);
  bench::add_lstm(suite);
  bench::add_compiled(suite);
  bench::add_growth(suite);
  bench::add_user_program(suite, KEEN_BENCH_TAPE_COMPILE, KEEN_BENCH_TAPE);
  suite.add("installed_size", "MB", [](const bench::Timer&) { return installed_mb(); });
  bench::add_training_memory(suite);
  return bench::run_suite(suite, argc, argv);
}
