// Losses: how far predictions are from the truth.
#pragma once
#include "keen/tensor.h"

namespace keen::losses {

/// What becomes of the losses of the single elements.
enum class Reduction { mean, sum, none };

struct LossOptions {
  Reduction reduction = Reduction::mean;
};
struct HuberOptions {
  double delta = 1;
  Reduction reduction = Reduction::mean;
};
struct CrossentropyOptions {
  bool from_logits = false;    ///< predictions are logits, not probabilities: faster and more accurate
  double label_smoothing = 0;  ///< α mixes the labels with the uniform distribution: y(1 − α) + α/k; 0 ≤ α ≤ 1
  Reduction reduction = Reduction::mean;
};
struct SparseCrossentropyOptions {
  bool from_logits = false;
  Reduction reduction = Reduction::mean;
};

// Labels and predictions of one shape, else a ShapeError; the losses have that shape too.

/// (y − ŷ)²
Tensor mean_squared_error(
    const Tensor& labels, const Tensor& predictions, const LossOptions& options = {}, Where where = Where::current());
/// |y − ŷ|
Tensor mean_absolute_error(
    const Tensor& labels, const Tensor& predictions, const LossOptions& options = {}, Where where = Where::current());
/// ½e² for |e| ≤ δ, δ|e| − ½δ² beyond (Huber 1964), e = y − ŷ.
Tensor huber(
    const Tensor& labels, const Tensor& predictions, const HuberOptions& options = {}, Where where = Where::current());
/// −y·log p − (1 − y)·log(1 − p)
Tensor binary_crossentropy(
    const Tensor& labels, const Tensor& predictions, const CrossentropyOptions& options = {},
    Where where = Where::current());

// One loss a row of class predictions (…, k). Probabilities are kept within [1e-7, 1 − 1e-7].

/// −Σ y·log p: labels (…, k).
Tensor categorical_crossentropy(
    const Tensor& labels, const Tensor& predictions, const CrossentropyOptions& options = {},
    Where where = Where::current());
/// −log p[label]: integer labels (…) or (…, 1). A label outside [0, k) is an IndexError.
Tensor sparse_categorical_crossentropy(
    const Tensor& labels, const Tensor& predictions, const SparseCrossentropyOptions& options = {},
    Where where = Where::current());

}  // namespace keen::losses
