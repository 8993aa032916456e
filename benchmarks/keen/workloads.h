// Keen's workloads, through its public API as its users write them.
#pragma once
#include "harness/suite.h"

namespace bench {

void add_small(Suite& suite);        ///< what one eager operation costs, recorded and not
void add_elementwise(Suite& suite);  ///< poly10, gelu, softmax; how add grows with size
void add_matrix(Suite& suite);       ///< gemm, dot
void add_training(Suite& suite);     ///< steps of the MLP and the LeNet; beside a busy neighbour
/// Runs `steps` training steps of the LeNet.
void train_lenet(int steps);

}  // namespace bench
