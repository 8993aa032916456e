// Large float32 products by oneDNN, always on the calling thread.
#include "math/plugin_onednn.h"

#include <dnnl.h>

#include "math/plugin.h"
#include "math/plugin_convolution.h"

namespace keen::math {
namespace {

void sgemm(const KeenGemm* g) {
  OneThread scope;
  dnnl_sgemm(
      g->transpose_a ? 'T' : 'N', g->transpose_b ? 'T' : 'N', g->m, g->n, g->k, 1.f, static_cast<const float*>(g->a),
      g->lda, static_cast<const float*>(g->b), g->ldb, g->accumulate ? 1.f : 0.f, static_cast<float*>(g->c), g->ldc);
}

}  // namespace

void add_onednn(KeenMathLibrary& table) {
  table.sgemm_large = sgemm;
  table.plan_convolution = plan_convolution;
  table.release_plan = release_plan;
  table.pack_filters = pack_filters;
  table.unpack_filters = unpack_filters;
  table.convolve = convolve;
}

}  // namespace keen::math
