// confusion_matrix: how often each class was taken for each other.
#pragma once
#include "keen/tensor.h"

namespace keen::data {

/// Counts int64 (num_classes, num_classes): row i, column j is how often label i was predicted as j. Labels and
/// predictions are integers of one shape (else a DTypeError, a ShapeError) in [0, num_classes) (else an IndexError);
/// num_classes of 1 or more (else a UsageError).
Tensor confusion_matrix(
    const Tensor& labels, const Tensor& predictions, std::int64_t num_classes, Where where = Where::current());
/// With as many classes as the largest label or prediction asks for. Not in a trace, where they are unknown: a UsageError.
Tensor confusion_matrix(const Tensor& labels, const Tensor& predictions, Where where = Where::current());

}  // namespace keen::data
