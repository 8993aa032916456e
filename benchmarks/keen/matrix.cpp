// Matrix products: square ones, and a row by a column.
#include "harness/sizes.h"
#include "keen/ops/linalg.h"
#include "keen/random.h"
#include "keen/workloads.h"

namespace bench {

using namespace keen;

void add_matrix(Suite& suite) {
  for (long n : gemm_sizes)
    suite.add("gemm_" + std::to_string(n) + "_gflops", "GFLOP/s", [n](const Timer& timer) {
      const Tensor a = random::normal({n, n}), b = random::normal({n, n});
      return 2e-9 * static_cast<double>(n * n * n) / timer.seconds([&] { keep(matmul(a, b)); });
    });
  for (long n : dot_sizes)
    suite.add("dot_" + size_name(n) + "_us", "us", [n](const Timer& timer) {
      const Tensor a = random::normal({1, n}), b = random::normal({n, 1});
      return timer.us([&] { keep(matmul(a, b)); });
    });
}

}  // namespace bench
