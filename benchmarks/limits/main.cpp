// bench_limits: the bounds beside which Keen and its peers are read.
#include <cblas.h>
#include <omp.h>

#include "harness/process.h"
#include "limits/limits.h"

int main(int argc, char** argv) {
  bench::Suite suite{
      .program = "limit",
      .set_threads =
          [](int threads) {
            omp_set_num_threads(threads);
            openblas_set_num_threads(threads);
          },
      .train_lenet = {}};
  bench::add_small(suite);
  bench::add_elementwise(suite);
  bench::add_matrix(suite);
  bench::add_mlp(suite);
  suite.add("start", "ms", [](const bench::Timer&) {
    std::vector<double> seconds;
    for (int i = 0; i < 11; ++i) seconds.push_back(bench::run_command("true").seconds);
    return bench::median(seconds) * 1e3;
  });
  return bench::run_suite(suite, argc, argv);
}
