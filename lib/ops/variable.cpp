// Variables: reading, and the operations that change them.
#include "keen/variable.h"

#include "core/context.h"
#include "core/message.h"
#include "core/rules.h"
#include "core/variable_state.h"
#include "cpu/kernels.h"
#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {

Tensor read(const VariableState& state) {
  std::lock_guard lock(state.mutex);
  return state.value;
}

Tensor writable(VariableState& state, bool copy_elements) {
  const TensorImpl& now = *state.value.impl();
  if (now.sole_owner()) return state.value;
  Tensor fresh = make_tensor(now.dtype, now.shape, now.device);
  if (copy_elements) std::memcpy(fresh.impl()->data, now.data, static_cast<std::size_t>(now.size) * size_of(now.dtype));
  return fresh;
}

void own_buffer(VariableState& state) {
  std::lock_guard lock(state.mutex);
  state.value = writable(state, true);
}

namespace {

constexpr AttributeSpec variable_attribute[] = {{"variable", AttributeKind::resource}};
constexpr AttributeSpec scatter_attributes[] = {
    {"variable", AttributeKind::resource}, {"mode", AttributeKind::integer}};

VariableState& state_of(Attributes attributes) { return resource<VariableState>(attributes[0]); }

void check_dtype(const Op& op, const VariableState& v, DType dtype) {
  if (v.dtype != dtype)
    fail<DTypeError>(op.name, "variable '", v.name, "' is ", name(v.dtype), ", the value ", name(dtype), ": cast it");
}

void same_shape(Inference& in) {
  const VariableState& v = state_of(in.attributes);
  check_dtype(in.op, v, in.dtype(0));
  if (in.shape(0).is_known() && in.shape(0) != v.shape)
    fail<ShapeError>(in.op.name, "variable '", v.name, "' has shape ", v.shape, ", the value ", in.shape(0));
}

void broadcasts_to(Inference& in) {
  const VariableState& v = state_of(in.attributes);
  check_dtype(in.op, v, in.dtype(0));
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
    v.value = std::move(taken);
    return;
  }
  Tensor to = writable(v, false);
  // Overlap is impossible: a view of the variable's buffer would make it shared, and `to` fresh.
  cpu::copy_strided(to.impl()->data, value);
  v.value = std::move(to);
}

// value ⊕ delta with an elementwise operation, into the variable's own buffer where nothing else holds it.
void update_kernel(KernelCall& call, const Op& op) {
  VariableState& v = state_of(call.attributes);
  std::lock_guard lock(v.mutex);
  Tensor to = writable(v, false);
  bool in_place = to.impl() == v.value.impl();
  Operand operands[] = {Operand(v.value), Operand(call.inputs[0].tensor())};
  KernelCall inner{op, operands, {}, {&to, 1}};
  op.cpu(inner);
  if (!in_place) v.value = std::move(to);
}

void scatter_rule(Inference& in) {
  const VariableState& v = state_of(in.attributes);
  const Shape& shape = v.shape;
  check_dtype(in.op, v, in.dtype(1));
  if (!is_integer(in.dtype(0)))
    fail<DTypeError>(in.op.name, "indices are ", name(in.dtype(0)), ": integers are needed");
  if (in.shape(0).rank() != 1) fail<ShapeError>(in.op.name, "indices have shape ", in.shape(0), ": (n,) is needed");
  Shape wanted = shape;
  if (!wanted.empty()) wanted[0] = in.shape(0)[0];
  if (shape.empty() || in.shape(1) != wanted)
    fail<ShapeError>(
        in.op.name, "updates of shape ", in.shape(1), " do not fit ", in.shape(0), " rows of variable '", v.name,
        "' of shape ", shape);
}

enum class ScatterMode : std::int64_t { update, add, subtract };

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
  VariableState& v = state_of(call.attributes);
  EagerScope eager;
  Tensor updates = contiguous(call.inputs[1].tensor());
  std::vector<std::int64_t> rows = call.inputs[0].tensor().to_vector<std::int64_t>();
  std::int64_t n = v.shape[0];
  for (auto& row : rows) {
    if (row < -n || row >= n)
      fail<IndexError>(call.op.name, "index ", row, " is out of range for the ", n, " rows of variable '", v.name, "'");
    if (row < 0) row += n;
  }
  auto mode = static_cast<ScatterMode>(integer(call.attributes[1]));
  std::lock_guard lock(v.mutex);
  Tensor to = writable(v, true);
  std::int64_t width = n ? to.size() / n : 0;
  visit_numeric(to.dtype(), call.op.name, [&]<class T>(T) {
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

const VariableState& state_behind(const Variable& v, const char* operation) {
  if (!v.defined()) fail<UsageError>(operation, "an empty Variable handle has no value");
  return *v.state();
}

void update(const Op& op, const Variable& v, Operand value, std::initializer_list<Attribute> attributes) {
  const VariableState& state = state_behind(v, op.name);
  if (value.is_weak()) value.replace(number_tensor(op.name, value, state.dtype));
  dispatch(op, {&value, 1}, Attributes(attributes.begin(), attributes.size()), {});
}

void scatter_update(const Variable& v, const Tensor& indices, const Tensor& updates, ScatterMode mode) {
  state_behind(v, "scatter_assign");
  Operand operands[] = {indices, updates};
  Attribute attributes[] = {std::shared_ptr<void>(v.state()), static_cast<std::int64_t>(mode)};
  dispatch(scatter_assign_op, operands, attributes, {});
}

}  // namespace
}  // namespace detail

using namespace detail;

Variable::Variable(const Tensor& initial, VariableOptions options) {
  checked(initial, "Variable");
  auto* interpreter = thread_context.interpreter;
  EagerScope eager;
  Tensor dense = densify(interpreter ? interpreter->initial_value(initial) : initial);
  if (dense.is_symbolic())
    fail<UsageError>("Variable", "the value to start with belongs to a trace that is over, and has no elements");
  Tensor own = make_tensor(dense.dtype(), dense.shape(), dense.device());
  cpu::copy_strided(own.impl()->data, *dense.impl());
  state_ = std::make_shared<VariableState>(std::move(own));
  state_->name = std::move(options.name);
  state_->trainable = options.trainable;
}

const std::string& Variable::name() const { return state_behind(*this, "name").name; }
void Variable::set_name(std::string name) {
  state_behind(*this, "name");
  state_->name = std::move(name);
}
bool Variable::trainable() const { return state_behind(*this, "trainable").trainable; }
void Variable::set_trainable(bool trainable) {
  state_behind(*this, "trainable");
  state_->trainable = trainable;
}
const Shape& Variable::shape() const { return state_behind(*this, "shape").shape; }
DType Variable::dtype() const { return state_behind(*this, "dtype").dtype; }
Device Variable::device() const { return state_behind(*this, "device").device; }
std::int64_t Variable::dim(int axis) const {
  const Shape& s = shape();
  return s[normalise_axis("dim", axis, s.rank())];
}
std::int64_t Variable::size() const { return shape().num_elements(); }

Tensor Variable::value() const {
  const VariableState& state = state_behind(*this, "value");
  auto& c = thread_context;
  if (c.interpreter) return c.interpreter->read(state_);
  Tensor value = read(state);
  for (Observer* o = c.observers; o; o = o->outer) o->observe_read(state_, value);
  return value;
}

Operand::Operand(const Variable& v, Where where) : kind_(Kind::owned), where_(where) {
  impl_ = v.value().release_impl();
}

const Variable& Variable::assign(Operand value) const {
  update(assign_op, *this, std::move(value), {std::shared_ptr<void>(state_)});
  return *this;
}
const Variable& Variable::assign_add(Operand delta) const {
  update(assign_add_op, *this, std::move(delta), {std::shared_ptr<void>(state_)});
  return *this;
}
const Variable& Variable::assign_sub(Operand delta) const {
  update(assign_sub_op, *this, std::move(delta), {std::shared_ptr<void>(state_)});
  return *this;
}
const Variable& Variable::scatter_update(const Tensor& indices, const Tensor& updates) const {
  detail::scatter_update(*this, indices, updates, ScatterMode::update);
  return *this;
}
const Variable& Variable::scatter_add(const Tensor& indices, const Tensor& updates) const {
  detail::scatter_update(*this, indices, updates, ScatterMode::add);
  return *this;
}
const Variable& Variable::scatter_sub(const Tensor& indices, const Tensor& updates) const {
  detail::scatter_update(*this, indices, updates, ScatterMode::subtract);
  return *this;
}

}  // namespace keen
