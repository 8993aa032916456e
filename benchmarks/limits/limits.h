// What the machine itself allows: each workload written by hand on bare loops and bare BLAS, the "limit" column.
#pragma once
#include "harness/suite.h"

namespace bench {

void add_small(Suite& suite);        ///< add16, add16_grad: models of the least an eager library must do
void add_elementwise(Suite& suite);  ///< poly10, gelu, softmax, growth of add: fused loops
void add_matrix(Suite& suite);       ///< gemm, dot: OpenBLAS and oneDNN themselves
void add_mlp(Suite& suite);          ///< one training step on OpenBLAS and loops

}  // namespace bench
