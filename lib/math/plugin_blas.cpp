// Matrix products by OpenBLAS, always on the calling thread.
#include <cblas.h>

#include <cstring>
#include <mutex>

#include "math/plugin.h"

// Not in cblas.h of every flavour of OpenBLAS.
extern "C" void openblas_set_num_threads(int);
extern "C" int openblas_get_num_threads();
extern "C" char* openblas_get_corename();
extern "C" char* openblas_get_config();

namespace keen::math {
namespace {

/// OpenBLAS has one number of threads for the whole process, which the program may use too: it is 1 while at least one
/// caller is inside, and what it was before afterwards.
class SerialScopes {
 public:
  void enter() {
    std::lock_guard lock(mutex_);
    if (inside_++ > 0) return;
    before_ = openblas_get_num_threads();
    if (before_ > 1) openblas_set_num_threads(1);
  }
  void leave() {
    std::lock_guard lock(mutex_);
    if (--inside_ == 0 && before_ > 1) openblas_set_num_threads(before_);
  }

 private:
  std::mutex mutex_;
  int inside_ = 0;
  int before_ = 1;
};

SerialScopes serial;

CBLAS_TRANSPOSE transposed(bool t) { return t ? CblasTrans : CblasNoTrans; }

void sgemm(const KeenGemm* g) {
  cblas_sgemm(
      CblasRowMajor, transposed(g->transpose_a), transposed(g->transpose_b), static_cast<int>(g->m),
      static_cast<int>(g->n), static_cast<int>(g->k), 1.f, static_cast<const float*>(g->a), static_cast<int>(g->lda),
      static_cast<const float*>(g->b), static_cast<int>(g->ldb), g->accumulate ? 1.f : 0.f, static_cast<float*>(g->c),
      static_cast<int>(g->ldc));
}

void dgemm(const KeenGemm* g) {
  cblas_dgemm(
      CblasRowMajor, transposed(g->transpose_a), transposed(g->transpose_b), static_cast<int>(g->m),
      static_cast<int>(g->n), static_cast<int>(g->k), 1., static_cast<const double*>(g->a), static_cast<int>(g->lda),
      static_cast<const double*>(g->b), static_cast<int>(g->ldb), g->accumulate ? 1. : 0., static_cast<double*>(g->c),
      static_cast<int>(g->ldc));
}

/// OpenBLAS 0.3.17 and later have kernels for small products on AVX-512 processors only.
bool has_small_kernels(const char* core) {
  for (const char* name : {"SkylakeX", "Cooperlake", "SapphireRapids"})
    if (std::strcmp(core, name) == 0) return true;
  return false;
}

}  // namespace

void add_blas(KeenMathLibrary& table) {
  table.description = openblas_get_config();
  table.fast_small_gemm = has_small_kernels(openblas_get_corename());
  table.sgemm_small = sgemm;
  table.dgemm = dgemm;
  table.enter_serial = [] { serial.enter(); };
  table.leave_serial = [] { serial.leave(); };
}

}  // namespace keen::math
