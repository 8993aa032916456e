#include "ops/sparse_rows.h"

#include <unordered_map>

#include "keen/ops/indexing.h"
#include "ops/helpers.h"

namespace keen::detail {
namespace {

constexpr AttributeSpec rows_attribute[] = {{"rows", AttributeKind::integer}};

void indices_rule(Inference& in) {
  if (in.dtype(0) != DType::int64 || in.shape(0).rank() != 1)
    fail<DTypeError>(in.op.name, "indices are ", name(in.dtype(0)), in.shape(0), ": int64 (n,) is needed");
  in.results[0] = {DType::int64, in.shape(0)};
}

/// Calls f(i, index i).
template <class F>
void for_each_index(const TensorImpl& indices, F f) {
  const auto* from = indices.as<std::int64_t>();
  for (std::int64_t i = 0; i < indices.size; ++i) f(i, from[i * indices.strides[0]]);
}

void compute_row_numbers(KernelCall& call) {
  const std::int64_t rows = integer(call.attributes[0]);
  auto* to = call.out().as<std::int64_t>();
  for_each_index(call.in(0), [&](std::int64_t i, std::int64_t row) {
    if (row < -rows || row >= rows)
      fail<IndexError>(call.op.name, "a sparse tensor with ", rows, " rows names row ", row);
    to[i] = row < 0 ? row + rows : row;
  });
}

void compute_first_occurrences(KernelCall& call) {
  std::unordered_map<std::int64_t, std::int64_t> first;
  auto* to = call.out().as<std::int64_t>();
  for_each_index(
      call.in(0), [&](std::int64_t i, std::int64_t index) { to[i] = first.try_emplace(index, i).first->second; });
}

}  // namespace

KEEN_OP(row_numbers){
    .name = "row_numbers",
    .attributes = rows_attribute,
    .infer = indices_rule,
    .cpu = compute_row_numbers,
    .differentiable = Differentiable::no,
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "indices counted from the start"};
KEEN_OP(first_occurrences){
    .name = "first_occurrences",
    .infer = indices_rule,
    .cpu = compute_first_occurrences,
    .differentiable = Differentiable::no,
    .domain = Domain::indices,
    .formula = "the place of the first index that is the same"};

Tensor row_numbers(const Tensor& sparse) { return run(row_numbers_op, {sparse.shape().raw(0)}, sparse.indices()); }

Tensor sum_repeated_rows(const Tensor& sparse) {
  const Tensor rows = row_numbers(sparse), values = sparse.values();
  return make_sparse(sparse.shape(), scatter(run(first_occurrences_op, rows), values, values.shape()), rows);
}

}  // namespace keen::detail
