// Clipping by norms.
#include "keen/ops/clip.h"

#include <limits>

#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "ops/helpers.h"
#include "ops/sparse_rows.h"

namespace keen {
namespace detail {
namespace {

Tensor floating(const Tensor& x) { return is_integer(x.dtype()) || x.dtype() == DType::bool_ ? x.cast(float32) : x; }

// The bound beside tensors of a dtype, so that it does not widen them.
Tensor bound_of(const char* operation, const Operand& clip_norm, DType dtype) {
  if (clip_norm.is_weak()) {
    if (clip_norm.kind() != Operand::Kind::weak_size && !(clip_norm.real() >= 0))
      fail<UsageError>(operation, "clip_norm ", clip_norm.real(), ": wants 0 or more");
    return number_tensor(operation, clip_norm, dtype);
  }
  const Tensor bound = clip_norm.tensor();
  if (checked(bound, operation).shape.rank() != 0)
    fail<ShapeError>(operation, "clip_norm has shape ", bound.shape(), ": one number is wanted");
  return bound.cast(dtype);
}

// What the elements are multiplied by: exactly 1 where the norm is within the bound.
Tensor factor(const Tensor& norm, const Tensor& bound) {
  const Tensor larger = maximum(norm, bound);
  return where(larger > 0, bound / larger, 1);
}

// Repeated rows of sparse tensors are summed: a sum of squares would miss what they add up to.
Tensor sum_of_squares(const Tensor& t) { return sum(square(t.is_sparse() ? t.values() : floating(t))); }

// Square root of the sum over all; no sparse tensor repeats a row.
Tensor norm_of(const std::vector<Tensor>& tensors) {
  Tensor total;
  for (const Tensor& t : tensors)
    if (t.defined()) total = total.defined() ? total + sum_of_squares(t) : sum_of_squares(t);
  return total.defined() ? root_of(total) : Tensor(0.f);
}

std::vector<Tensor> with_summed_rows(std::vector<Tensor> tensors) {
  for (Tensor& t : tensors)
    if (t.is_sparse()) t = sum_repeated_rows(t);
  return tensors;
}

Tensor scaled(const Tensor& t, const Tensor& by) {
  if (t.is_sparse()) return make_sparse(t.shape(), t.values() * by.cast(t.dtype()), t.indices());
  const Tensor x = floating(t);
  return x * by.cast(x.dtype());
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor clip_by_norm(const Tensor& x, Operand clip_norm, const Axes& axes, Where line) {
  note_line(line);
  return in_the_name_of("clip_by_norm", [&]() -> Tensor {
    checked(x, "clip_by_norm");
    if (x.is_sparse() && axes.all()) {
      const Tensor rows = sum_repeated_rows(x);
      const Tensor norm = norm_of({rows});
      return scaled(rows, factor(norm, bound_of("clip_by_norm", clip_norm, norm.dtype())));
    }
    const Tensor values = floating(x), norm = root_of(sum(square(values), axes, true));
    return values * factor(norm, bound_of("clip_by_norm", clip_norm, norm.dtype()));
  });
}

Tensor global_norm(const std::vector<Tensor>& tensors, Where line) {
  note_line(line);
  return in_the_name_of("global_norm", [&] { return norm_of(with_summed_rows(tensors)); });
}

std::pair<std::vector<Tensor>, Tensor> clip_by_global_norm(
    const std::vector<Tensor>& tensors, Operand clip_norm, Where line) {
  note_line(line);
  constexpr const char* operation = "clip_by_global_norm";
  return in_the_name_of(operation, [&] {
    std::vector<Tensor> clipped = with_summed_rows(tensors);
    const Tensor norm = norm_of(clipped), bound = bound_of(operation, clip_norm, norm.dtype());
    const Tensor by = where(isfinite(norm), factor(norm, bound), std::numeric_limits<double>::quiet_NaN());
    for (Tensor& t : clipped)
      if (t.defined()) t = scaled(t, by);
    return std::pair{std::move(clipped), norm};
  });
}

}  // namespace keen
