// How long matrix products take on the CPU and, where there is one, on the GPU, as a table and as curves over n.
// Usage: matmul_cpu_vs_gpu [file.svg = matmul_cpu_vs_gpu.svg]
#include <keen/keen.h>

#include <cstdio>

#include "support/chart.h"

using namespace keen;

namespace {

// Mean seconds of ten runs, after ten to warm up.
double product_seconds(const Tensor& a, const Tensor& b) {
  timeit([&] { matmul(a, b); }, 10);
  return timeit([&] { matmul(a, b); }, 10);
}

struct Products {
  const char* title;
  bool square;  // [n,n]×[n,n], else [1,n]×[n,1]
  std::vector<std::int64_t> sizes;
};

samples::Panel measure(const Products& products, bool with_gpu) {
  samples::Panel panel{products.title, "n", "milliseconds", {{"cpu:0", {}}}};
  if (with_gpu) panel.curves.push_back({"gpu:0", {}});
  std::printf("%s\n%12s %14s %12s %14s\n", products.title, "n", "cpu ms", "cpu GFLOP/s", with_gpu ? "gpu ms" : "");
  for (std::int64_t n : products.sizes) {
    const std::int64_t outer = products.square ? n : 1;
    Tensor a = random::normal({outer, n}, {.device = "cpu:0"}), b = random::normal({n, outer}, {.device = "cpu:0"});
    const double cpu = product_seconds(a, b), operations = 2.0 * double(outer) * double(n) * double(outer);
    panel.curves[0].points.push_back({double(n), cpu * 1e3});
    std::printf("%12lld %14.5f %12.2f", static_cast<long long>(n), cpu * 1e3, operations / cpu / 1e9);
    if (with_gpu) {
      const double gpu = product_seconds(a.gpu(), b.gpu());
      panel.curves[1].points.push_back({double(n), gpu * 1e3});
      std::printf(" %14.5f", gpu * 1e3);
    }
    std::printf("\n");
  }
  return panel;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "matmul_cpu_vs_gpu.svg";
  const bool with_gpu = device_count("gpu") > 0;
  if (!with_gpu) std::printf("No GPU here (%s): the CPU alone.\n", why_no_gpu().c_str());
  samples::write_svg(
      path, {measure({"[1,n] × [n,1]", false, {1000, 10'000, 100'000, 1'000'000, 10'000'000}}, with_gpu),
             measure({"[n,n] × [n,n]", true, {32, 64, 128, 256, 512, 1024}}, with_gpu)});
  std::printf("The curves are in %s.\n", path.c_str());
}
