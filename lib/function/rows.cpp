// Rows of the buffers of tensor arrays, read and replaced at an index of the trace.
#include "keen/creation.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen::detail {
namespace {

void check_index_type(const Inference& in) {
  if (!is_integer(in.dtype(1)) || in.shape(1).rank())
    fail<DTypeError>("TensorArray", "the index is ", name(in.dtype(1)), in.shape(1), ": one integer is wanted");
}

void get_row_rule(Inference& in) {
  check_index_type(in);
  Shape row = in.shape(0);
  row.erase(0);
  in.results[0] = {in.dtype(0), row};
}

void set_row_rule(Inference& in) {
  check_index_type(in);
  const Shape &buffer = in.shape(0), &value = in.shape(2);
  bool fit = value.rank() + 1 == buffer.rank();
  for (int i = 0; fit && i < value.rank(); ++i) fit = value[i] < 0 || buffer[i + 1] < 0 || value[i] == buffer[i + 1];
  if (!fit || in.dtype(0) != in.dtype(2))
    fail<ShapeError>("TensorArray", "a value of shape ", value, " is no row of shape ", buffer);
  in.results[0] = {in.dtype(0), buffer};
}

std::int64_t index_of(const KernelCall& call) {
  const std::int64_t index = call.inputs[1].tensor().item<std::int64_t>(), rows = call.in(0).shape[0];
  if (index < 0 || index >= rows)
    fail<IndexError>("TensorArray", "index ", index, " is out of range for ", rows, " elements");
  return index;
}

void get_row(KernelCall& call) {
  const std::int64_t index = index_of(call);
  const TensorImpl& buffer = call.in(0);
  Shape shape = buffer.shape, strides = buffer.strides;
  shape.erase(0);
  strides.erase(0);
  cpu::copy_strided(call.out().data, *make_view(buffer, shape, strides, index * buffer.strides[0]).impl());
}

void set_row(KernelCall& call) {
  const std::int64_t index = index_of(call);
  const TensorImpl &buffer = call.in(0), &value = call.in(2);
  char* to = call.out().as<char>();
  if (to != buffer.as<char>()) cpu::copy_strided(to, buffer);  // in a plan, the row may be all that changes
  cpu::copy_strided(to + index * value.size * static_cast<std::int64_t>(size_of(value.dtype)), value);
}

}  // namespace

extern const Op set_row_op;

// d buffer = zeros with dy for the row: sparse where the sizes are known
KEEN_OP(get_row){
    .name = "get_row",
    .arity = 2,
    .infer = get_row_rule,
    .cpu = get_row,
    .gradient =
        [](Gradient& g) {
          const Tensor dy = g.dy(), at = g.in(1);
          const Shape shape = g.in_shape(0);
          if (shape.is_known())
            return g.set(0, make_sparse(shape, expand_dims(dy, 0), reshape(cast(at, DType::int64), {1})));
          g.set(0, run(set_row_op, zeros(shape, {.dtype = g.in_dtype(0)}), at, dy));
        },
    .saves = {input(1)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "row index of buffer"};

// d buffer = dy without the row, d value = the row of dy
KEEN_OP(set_row){
    .name = "set_row",
    .arity = 3,
    .infer = set_row_rule,
    .cpu = set_row,
    .gradient =
        [](Gradient& g) {
          const Tensor dy = g.dy(), at = g.in(1), row = run(get_row_op, dy, at);
          if (g.wants(0)) g.set(0, run(g.op(), dy, at, zeros_like(row)));
          if (g.wants(2)) g.set(2, row);
        },
    .saves = {input(1), 0, input(1)},
    .may_raise = true,
    .domain = Domain::indices,
    .formula = "buffer with row index replaced"};

}  // namespace keen::detail
