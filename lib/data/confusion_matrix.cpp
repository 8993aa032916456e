// The confusion matrix, by counting pairs.
#include "keen/data/confusion_matrix.h"

#include <algorithm>

#include "core/context.h"
#include "core/message.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

namespace keen::data {

namespace {

constexpr const char* operation = "confusion_matrix";
using detail::fail;

void check(const Tensor& labels, const Tensor& predictions) {
  for (const Tensor* t : {&labels, &predictions}) {
    if (!t->defined()) fail<UsageError>(operation, "labels or predictions are undefined");
    if (!is_integer(t->dtype()))
      fail<DTypeError>(
          operation, t == &labels ? "labels" : "predictions", " are ", name(t->dtype()),
          ": integers are wanted; argmax(x, -1) gives them of probabilities");
  }
  const detail::Shape &a = labels.shape(), &b = predictions.shape();
  bool agree = a.rank() == b.rank();
  for (int i = 0; agree && i < a.rank(); ++i) agree = a[i] == b[i] || a[i] < 0 || b[i] < 0;
  if (!agree) fail<ShapeError>(operation, "labels ", a, " and predictions ", b, ": wants one shape");
}

// Where the elements are known the error names the class.
void check_range(const char* what, const Tensor& classes, std::int64_t count) {
  if (classes.is_symbolic()) return;
  for (const std::int64_t c : classes.to_vector<std::int64_t>())
    if (c < 0 || c >= count)
      fail<IndexError>(operation, "the ", what, ' ', c, " is no class: ", count, " classes are 0 to ", count - 1);
}

}  // namespace

Tensor confusion_matrix(const Tensor& labels, const Tensor& predictions, std::int64_t num_classes, Where line) {
  detail::note_line(line);
  check(labels, predictions);
  if (num_classes < 1) fail<UsageError>(operation, "num_classes = ", num_classes, ": wants at least 1");
  std::int64_t pairs = 0;
  if (__builtin_mul_overflow(num_classes, num_classes, &pairs))
    fail<ShapeError>(operation, num_classes, " classes have more pairs than 63 bits can count");
  check_range("label", labels, num_classes);
  check_range("prediction", predictions, num_classes);
  return detail::in_the_name_of(operation, [&] {
    const Tensor row = flatten(labels).cast(int64), column = flatten(predictions).cast(int64);
    // Behind the last pair where one is no class, which in a trace is found when it is called.
    const auto is_no_class = [&](const Tensor& c) { return (c < 0) | (c >= num_classes); };
    const Tensor pair = where(is_no_class(row) | is_no_class(column), pairs, row * num_classes + column);
    return reshape(scatter(pair, ones_like(pair), {pairs}), {num_classes, num_classes});
  });
}

Tensor confusion_matrix(const Tensor& labels, const Tensor& predictions, Where line) {
  detail::note_line(line);
  check(labels, predictions);
  if (labels.is_symbolic() || predictions.is_symbolic())
    fail<UsageError>(operation, "how many classes there are is unknown in a trace: give num_classes");
  std::int64_t count = 1;
  for (const Tensor* t : {&labels, &predictions})
    for (const std::int64_t c : t->to_vector<std::int64_t>()) count = std::max(count, c < 0 ? c : c + 1);
  return confusion_matrix(labels, predictions, count, line);
}

}  // namespace keen::data
