// What changes variables: assignments and scatter updates, as operations with an effect.
#include "core/context.h"
#include "core/message.h"
#include "core/rules.h"
#include "core/write_log.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"
#include "ops/variable.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec variable_attribute[] = {{"variable", AttributeKind::resource}};
constexpr AttributeSpec scatter_attributes[] = {
    {"variable", AttributeKind::resource}, {"mode", AttributeKind::integer}};

VariableState& state_of(Attributes attributes) { return resource<VariableState>(attributes[0]); }

void check_dtype(const char* operation, const VariableState& v, DType dtype) {
  if (v.dtype != dtype)
    fail<DTypeError>(operation, "variable '", v.name, "' is ", name(v.dtype), ", the value ", name(dtype), ": cast it");
}

void same_shape(Inference& in) {
  const VariableState& v = state_of(in.attributes);
  check_dtype(in.op.name, v, in.dtype(0));
  if (in.shape(0).is_known() && in.shape(0) != v.shape)
    fail<ShapeError>(
        in.op.name, "variable '", v.name, "' has shape ", v.shape, ", the value ", in.shape(0),
        ": a variable keeps its shape; reshape the value or broadcast_to(value, ", v.shape, ')');
}

void broadcasts_to(Inference& in) {
  const VariableState& v = state_of(in.attributes);
  check_dtype(in.op.name, v, in.dtype(0));
  if (rules::broadcast(in.op, v.shape, in.shape(0)) != v.shape)
    fail<ShapeError>(
        in.op.name, "shape ", in.shape(0), " does not broadcast to variable '", v.name, "' of shape ", v.shape);
}

// A value nobody else holds becomes the variable's buffer; any other is copied.
void assign_kernel(KernelCall& call) {
  VariableState& v = state_of(call.attributes);
  const TensorImpl& value = call.in(0);
  std::lock_guard lock(v.mutex);
  if (call.inputs[0].kind() == Operand::Kind::owned && value.sole_owner() && !value.base && !value.extra &&
      value.is_contiguous() && !(value.flags & TensorImpl::external)) {
    Tensor taken = call.inputs[0].tensor();
    taken.impl()->id = next_id();
    taken.impl()->flags &= static_cast<std::uint8_t>(~TensorImpl::from_number);
    WriteLog::note(v);
    v.value = std::move(taken);
    return;
  }
  Tensor to = writable(v, false);
  // Overlap is impossible: a view of the variable's buffer would make it shared, and `to` fresh.
  run_into(contiguous_op, call.inputs.first(1), to);
  v.value = std::move(to);
}

// value ⊕ delta with an elementwise operation, into the variable's own buffer where nothing else holds it.
void update_kernel(KernelCall& call, const Op& op) {
  VariableState& v = state_of(call.attributes);
  std::lock_guard lock(v.mutex);
  Tensor to = writable(v, false);
  bool in_place = to.impl() == v.value.impl();
  Operand operands[] = {Operand(v.value), Operand(call.inputs[0].tensor())};
  run_into(op, operands, to);
  if (!in_place) v.value = std::move(to);
}

enum class ScatterMode : std::int64_t { update, add, subtract };

// What the user called.
const char* name_of(ScatterMode mode) {
  return mode == ScatterMode::update ? "scatter_update" : mode == ScatterMode::add ? "scatter_add" : "scatter_sub";
}
ScatterMode mode_of(Attributes attributes) { return static_cast<ScatterMode>(integer(attributes[1])); }

void scatter_rule(Inference& in) {
  const char* operation = name_of(mode_of(in.attributes));
  const VariableState& v = state_of(in.attributes);
  const Shape& shape = v.shape;
  check_dtype(operation, v, in.dtype(1));
  if (!is_integer(in.dtype(0))) fail<DTypeError>(operation, "indices are ", name(in.dtype(0)), ": integers are needed");
  if (in.shape(0).rank() != 1) fail<ShapeError>(operation, "indices have shape ", in.shape(0), ": (n,) is needed");
  Shape wanted = shape;
  if (!wanted.empty()) wanted[0] = in.shape(0)[0];
  if (shape.empty() || in.shape(1) != wanted)
    fail<ShapeError>(
        operation, "updates of shape ", in.shape(1), " do not fit ", in.shape(0), " rows of variable '", v.name,
        "' of shape ", shape);
}

template <class T>
void scatter_rows(T* to, const std::vector<std::int64_t>& rows, const T* from, std::int64_t width, ScatterMode mode) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = to + rows[i] * width;
    const T* update = from + static_cast<std::int64_t>(i) * width;
    for (std::int64_t j = 0; j < width; ++j)
      row[j] = mode == ScatterMode::update ? update[j]
               : mode == ScatterMode::add  ? wrap_add(row[j], update[j])
                                           : wrap_subtract(row[j], update[j]);
  }
}

void scatter_kernel(KernelCall& call) {
  const ScatterMode mode = mode_of(call.attributes);
  VariableState& v = state_of(call.attributes);
  EagerScope eager;
  Tensor updates = contiguous(call.inputs[1].tensor());
  std::vector<std::int64_t> rows = call.inputs[0].tensor().to_vector<std::int64_t>();
  std::int64_t n = v.shape[0];
  for (auto& row : rows) {
    if (row < -n || row >= n)
      fail<IndexError>(
          name_of(mode), "index ", row, " is out of range for the ", n, " rows of variable '", v.name, "'");
    if (row < 0) row += n;
  }
  std::lock_guard lock(v.mutex);
  Tensor to = writable(v, true);
  std::int64_t width = n ? to.size() / n : 0;
  visit_numeric(to.dtype(), name_of(mode), [&]<class T>(T) {
    scatter_rows(to.impl()->as<T>(), rows, updates.impl()->as<T>(), width, mode);
  });
  v.value = std::move(to);
}

}  // namespace

KEEN_OP(assign){
    .name = "assign",
    .outputs = 0,
    .attributes = variable_attribute,
    .infer = same_shape,
    .cpu = assign_kernel,
    .differentiable = Differentiable::no,
    .effect = true,
    .formula = "variable = value"};
KEEN_OP(assign_add){
    .name = "assign_add",
    .outputs = 0,
    .attributes = variable_attribute,
    .infer = broadcasts_to,
    .cpu = [](KernelCall& call) { update_kernel(call, add_op); },
    .differentiable = Differentiable::no,
    .effect = true,
    .formula = "variable = variable + delta"};
KEEN_OP(assign_sub){
    .name = "assign_sub",
    .outputs = 0,
    .attributes = variable_attribute,
    .dtypes = numeric,
    .infer = broadcasts_to,
    .cpu = [](KernelCall& call) { update_kernel(call, subtract_op); },
    .differentiable = Differentiable::no,
    .effect = true,
    .formula = "variable = variable - delta"};
KEEN_OP(scatter_assign){
    .name = "scatter_assign",
    .arity = 2,
    .outputs = 0,
    .attributes = scatter_attributes,
    .infer = scatter_rule,
    .cpu = scatter_kernel,
    .differentiable = Differentiable::no,
    .effect = true,
    .may_raise = true,
    .formula = "rows of variable set, or added to"};

namespace {

void update(const Op& op, const Variable& v, Operand value) {
  const VariableState& state = state_behind(v, op.name);
  if (value.is_weak()) value.replace(number_tensor(op.name, value, state.dtype));
  const Attribute attributes[] = {std::shared_ptr<void>(v.state())};
  dispatch(op, {&value, 1}, attributes, {});
}

void scatter(const Variable& v, const Tensor& indices, const Tensor& updates, ScatterMode mode) {
  state_behind(v, name_of(mode));
  Operand operands[] = {indices, updates};
  const Attribute attributes[] = {std::shared_ptr<void>(v.state()), static_cast<std::int64_t>(mode)};
  in_the_name_of(name_of(mode), [&] { dispatch(scatter_assign_op, operands, attributes, {}); });
}

}  // namespace
}  // namespace detail

using namespace detail;

const Variable& Variable::assign(Operand value) const {
  update(assign_op, *this, std::move(value));
  return *this;
}
const Variable& Variable::assign_add(Operand delta) const {
  update(assign_add_op, *this, std::move(delta));
  return *this;
}
const Variable& Variable::assign_sub(Operand delta) const {
  update(assign_sub_op, *this, std::move(delta));
  return *this;
}
const Variable& Variable::scatter_update(const Tensor& indices, const Tensor& updates, Where where) const {
  note_line(where);
  scatter(*this, indices, updates, ScatterMode::update);
  return *this;
}
const Variable& Variable::scatter_add(const Tensor& indices, const Tensor& updates, Where where) const {
  note_line(where);
  scatter(*this, indices, updates, ScatterMode::add);
  return *this;
}
const Variable& Variable::scatter_sub(const Tensor& indices, const Tensor& updates, Where where) const {
  note_line(where);
  scatter(*this, indices, updates, ScatterMode::subtract);
  return *this;
}

}  // namespace keen
