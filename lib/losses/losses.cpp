// The losses, written in operations, so that they differentiate and trace like any others.
#include "keen/losses/losses.h"

#include <cmath>

#include "core/context.h"
#include "core/message.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

namespace keen::losses {

using detail::fail;
using detail::in_the_name_of;

namespace {

constexpr double epsilon = 1e-7;  // keeps the logarithm of a probability finite

Tensor reduce(Tensor losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean:
      return mean(losses);
    case Reduction::sum:
      return sum(losses);
    default:
      return losses;
  }
}

// The labels, which have the shape of the predictions: a loss of broadcast shapes, (n,) against (n, 1), would be a silent
// mistake. Sizes that are open each call checks.
Tensor checked_labels(const char* loss, const Tensor& labels, const Tensor& predictions) {
  if (!labels.defined() || !predictions.defined()) fail<UsageError>(loss, "labels or predictions are undefined");
  bool agree = labels.rank() == predictions.rank();
  for (int i = 0; agree && i < labels.rank(); ++i) {
    const std::int64_t a = labels.shape().raw(i), b = predictions.shape().raw(i);
    agree = a == b || a < 0 || b < 0;
  }
  if (!agree)
    fail<ShapeError>(
        loss, "labels ", labels.shape(), " and predictions ", predictions.shape(),
        ": wants one shape; reshape one of them");
  return in_the_name_of(loss, [&] { return ensure_shape(labels, predictions.shape()); });
}

void check_classes(const char* loss, const Tensor& predictions) {
  if (!predictions.defined()) fail<UsageError>(loss, "predictions are undefined");
  if (predictions.rank() < 1) fail<ShapeError>(loss, "predictions of shape (): wants (…, classes)");
}

Tensor smoothed(const char* loss, const Tensor& labels, double alpha, Size classes, DType dtype) {
  if (!(alpha >= 0 && alpha <= 1)) fail<UsageError>(loss, "label_smoothing ", alpha, ": wants 0 ≤ α ≤ 1");
  if (alpha == 0) return labels;
  const Tensor rest = labels * (1 - alpha);
  return classes.is_known() ? rest + alpha / static_cast<double>(classes) : rest + alpha / cast(classes, dtype);
}

// Rows (…, k) as (n, k).
Tensor as_rows(const Tensor& x) { return x.rank() == 2 ? x : reshape(x, {-1, x.shape().raw(-1)}); }
Shape without_last(Shape shape) {
  shape.resize(shape.rank() - 1);
  return shape;
}

}  // namespace

Tensor mean_squared_error(const Tensor& labels, const Tensor& predictions, const LossOptions& options, Where where) {
  detail::note_line(where);
  const Tensor truths = checked_labels("mean_squared_error", labels, predictions);
  return in_the_name_of("mean_squared_error", [&] { return reduce(square(predictions - truths), options.reduction); });
}

Tensor mean_absolute_error(const Tensor& labels, const Tensor& predictions, const LossOptions& options, Where where) {
  detail::note_line(where);
  const Tensor truths = checked_labels("mean_absolute_error", labels, predictions);
  return in_the_name_of("mean_absolute_error", [&] { return reduce(abs(predictions - truths), options.reduction); });
}

Tensor huber(const Tensor& labels, const Tensor& predictions, const HuberOptions& options, Where where) {
  detail::note_line(where);
  const Tensor truths = checked_labels("huber", labels, predictions);
  if (!(options.delta > 0) || std::isinf(options.delta))
    fail<UsageError>("huber", "delta ", options.delta, ": wants a finite number above 0");
  // With q = min(|e|, δ): ½q² + δ(|e| − q), which needs no branch.
  return in_the_name_of("huber", [&] {
    const Tensor error = abs(predictions - truths), inner = minimum(error, options.delta);
    return reduce(0.5 * square(inner) + options.delta * (error - inner), options.reduction);
  });
}

Tensor binary_crossentropy(
    const Tensor& labels, const Tensor& predictions, const CrossentropyOptions& options, Where where) {
  detail::note_line(where);
  constexpr const char* loss = "binary_crossentropy";
  const Tensor truths = checked_labels(loss, labels, predictions);
  return in_the_name_of(loss, [&] {
    const Tensor y = smoothed(loss, truths, options.label_smoothing, Size(2), predictions.dtype());
    // −y·log σ(x) − (1 − y)·log(1 − σ(x)) = softplus(x) − x·y
    if (options.from_logits) return reduce(softplus(predictions) - predictions * y, options.reduction);
    const Tensor p = clip(predictions, epsilon, 1 - epsilon);
    return reduce(-(y * log(p) + (1 - y) * log(1 - p)), options.reduction);
  });
}

Tensor categorical_crossentropy(
    const Tensor& labels, const Tensor& predictions, const CrossentropyOptions& options, Where where) {
  detail::note_line(where);
  constexpr const char* loss = "categorical_crossentropy";
  const Tensor truths = checked_labels(loss, labels, predictions);
  check_classes(loss, predictions);
  return in_the_name_of(loss, [&] {
    const Tensor y = smoothed(loss, truths, options.label_smoothing, predictions.dim(-1), predictions.dtype());
    if (!options.from_logits)
      return reduce(-sum(y * log(clip(predictions, epsilon, 1 - epsilon)), -1), options.reduction);
    Tensor losses = softmax_cross_entropy(as_rows(y), as_rows(predictions));
    if (predictions.rank() != 2 && options.reduction == Reduction::none)
      losses = reshape(losses, without_last(predictions.shape()));
    return reduce(std::move(losses), options.reduction);
  });
}

namespace {

// Labels (…) for rows of predictions (…, k), from (…) or (…, 1).
Tensor labels_of_rows(const char* loss, const Tensor& labels, const Tensor& predictions) {
  if (!labels.defined()) fail<UsageError>(loss, "labels are undefined");
  if (!is_integer(labels.dtype()))
    fail<DTypeError>(
        loss, name(labels.dtype()), " labels: wants integers; one-hot labels are for categorical_crossentropy");
  Tensor y = labels;
  if (y.rank() == predictions.rank() && y.shape().raw(-1) == 1) y = reshape(y, without_last(y.shape()));
  if (y.rank() != predictions.rank() - 1)
    fail<ShapeError>(
        loss, "labels ", labels.shape(), " for predictions ", predictions.shape(), ": wants one integer a row");
  return ensure_shape(y, without_last(predictions.shape()));
}

}  // namespace

Tensor sparse_categorical_crossentropy(
    const Tensor& labels, const Tensor& predictions, const SparseCrossentropyOptions& options, Where where) {
  detail::note_line(where);
  constexpr const char* loss = "sparse_categorical_crossentropy";
  check_classes(loss, predictions);
  return in_the_name_of(loss, [&] {
    const Tensor y = labels_of_rows(loss, labels, predictions);
    if (!options.from_logits) {
      const Tensor p = squeeze(take_along_axis(predictions, expand_dims(y, -1), -1), -1);
      return reduce(-log(clip(p, epsilon, 1 - epsilon)), options.reduction);
    }
    if (predictions.rank() == 2) return reduce(sparse_softmax_cross_entropy(y, predictions), options.reduction);
    Tensor losses = sparse_softmax_cross_entropy(reshape(y, {-1}), as_rows(predictions));
    if (options.reduction == Reduction::none) losses = reshape(losses, without_last(predictions.shape()));
    return reduce(std::move(losses), options.reduction);
  });
}

}  // namespace keen::losses
