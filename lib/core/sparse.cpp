// Sparse gradients: rows of a tensor that is zero elsewhere.
#include "core/tensor_impl.h"
#include "keen/ops/indexing.h"

namespace keen::detail {

Tensor densify(const Tensor& t) {
  if (!t.is_sparse()) return t;
  return scatter(t.indices(), t.values(), t.shape());
}

}  // namespace keen::detail
