// Keen's workloads, through its public API as its users write them.
#pragma once
#include "harness/suite.h"
#include "keen/nn/sequential.h"
#include "keen/optimizers/optimizers.h"

namespace bench {

void add_small(Suite& suite);        ///< what one eager operation costs, recorded and not
void add_elementwise(Suite& suite);  ///< poly10, gelu, softmax; how add grows with size
void add_matrix(Suite& suite);       ///< gemm, dot
void add_training(Suite& suite);     ///< steps of the MLP and the LeNet; beside a busy neighbour
void add_lstm(Suite& suite);         ///< a step of an LSTM over time, eager and compiled
void add_compiled(Suite& suite);     ///< the same as compiled functions; what compiling and calling one costs
void add_growth(Suite& suite);       ///< what a first call costs, cold and with the disk cache; growth with the graph

// What they compute.
keen::Tensor poly10(const keen::Tensor& x);
keen::Tensor tanh_gelu(const keen::Tensor& x);
keen::Tensor softmax_of_parts(const keen::Tensor& x);
/// A model, its optimizer and the shape of a batch.
struct Training {
  keen::nn::Sequential model;
  keen::optimizers::Optimizer optimizer;
  keen::Shape input;
};
Training mlp(int batch);
Training lenet();
/// Forward, gradients of the mean cross-entropy, update; gives the loss.
keen::Tensor train(
    const Training& training, const std::vector<keen::Variable>& variables, const keen::Tensor& x,
    const keen::Tensor& labels);

/// A training step over one batch, as one function.
std::function<void()> compiled_steps_of(const Training& training);
/// Milliseconds of a first call above those of a later one: of "mlp", the compiled step, or of "graph1000".
double first_call(const std::string& name);

/// Runs `steps` training steps of the LeNet.
void train_lenet(int steps);

}  // namespace bench
