// Matrix and vector products by the libraries themselves: OpenBLAS, and oneDNN both ways in.
#include <cblas.h>

#include <algorithm>
#include <dnnl.hpp>
#include <string>
#include <vector>

#include "harness/sizes.h"
#include "limits/limits.h"

namespace bench {
namespace {

/// Three square matrices, and the rate of a function that multiplies two of them.
struct Square {
  explicit Square(long size) : n(size), a(entries(), 0.5f), b(entries(), 0.25f), c(entries()) {}
  std::size_t entries() const { return static_cast<std::size_t>(n * n); }
  template <class Product>
  double gflops(const Timer& timer, Product&& product) const {
    return 2e-9 * static_cast<double>(n * n * n) / timer.seconds(product);
  }
  long n;
  std::vector<float> a, b, c;
};

double openblas(const Timer& timer, long n) {
  Square m(n);
  const int k = static_cast<int>(n);
  const auto plain = CblasNoTrans;
  return m.gflops(timer, [&] {
    cblas_sgemm(CblasRowMajor, plain, plain, k, k, k, 1.f, m.a.data(), k, m.b.data(), k, 0.f, m.c.data(), k);
  });
}

double onednn_sgemm(const Timer& timer, long n) {
  Square m(n);
  return m.gflops(timer, [&] { dnnl_sgemm('N', 'N', n, n, n, 1.f, m.a.data(), n, m.b.data(), n, 0.f, m.c.data(), n); });
}

double onednn_matmul(const Timer& timer, long n) {
  Square m(n);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const dnnl::memory::desc plain({n, n}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab);
  const dnnl::matmul product(dnnl::matmul::primitive_desc(dnnl::matmul::desc(plain, plain, plain), engine));
  const dnnl::memory a(plain, engine, m.a.data()), b(plain, engine, m.b.data()), c(plain, engine, m.c.data());
  return m.gflops(timer, [&] {
    product.execute(stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
    stream.wait();
  });
}

void add_gemm(Suite& suite, long n) {
  const std::string name = "gemm_" + std::to_string(n) + "_gflops";
  suite.add(name, "GFLOP/s", [n](const Timer& t) {
    return std::max({openblas(t, n), onednn_sgemm(t, n), onednn_matmul(t, n)});
  });
  suite.add(name + ".openblas", "GFLOP/s", [n](const Timer& t) { return openblas(t, n); });
  suite.add(name + ".onednn_sgemm", "GFLOP/s", [n](const Timer& t) { return onednn_sgemm(t, n); });
  suite.add(name + ".onednn_matmul", "GFLOP/s", [n](const Timer& t) { return onednn_matmul(t, n); });
}

}  // namespace

void add_matrix(Suite& suite) {
  for (long n : gemm_sizes) add_gemm(suite, n);
  for (long n : dot_sizes)
    suite.add("dot_" + size_name(n) + "_us", "us", [n](const Timer& timer) {
      const std::vector<float> a(static_cast<std::size_t>(n), 0.5f), b(a.size(), 0.25f);
      return timer.us([&] { keep(cblas_sdot(static_cast<int>(n), a.data(), 1, b.data(), 1)); });
    });
}

}  // namespace bench
