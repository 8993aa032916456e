// Descriptions of the fused update operations.
#include "optimizers/updates.h"

#include "core/message.h"
#include "cpu/optimizer.h"

namespace keen::detail {

namespace {

// While tracing a dimension may be unknown until the call.
bool fits(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (int i = 0; i < a.rank(); ++i) {
    if (a[i] >= 0 && b[i] >= 0 && a[i] != b[i]) return false;
  }
  return true;
}

void check_form(const char* operation, const TensorImpl& gradient, const Shape& wanted, const VariableState& variable) {
  if (!fits(gradient.shape, wanted))
    fail<ShapeError>(
        operation, "a gradient of shape ", gradient.shape, " for variable '", variable.name, "' of shape ",
        variable.shape, ": gradients and variables meet in order; take both from one list of variables");
  if (!(floats & bit(variable.dtype)))
    fail<DTypeError>(
        operation, "variable '", variable.name, "' is ", name(variable.dtype),
        ": only float32 and float64 variables are trained");
  if (gradient.dtype != variable.dtype)
    fail<DTypeError>(
        operation, "a ", name(gradient.dtype), " gradient for variable '", variable.name, "' of ", name(variable.dtype),
        ": cast it");
  if (gradient.device != variable.device)
    fail<DeviceError>(
        operation, "a gradient on ", gradient.device, " for variable '", variable.name, "' on ", variable.device);
}

void check_hyperparameters(const Inference& in, int first) {
  for (int i = first; i < in.arity(); ++i) {
    if (in.shape(i).rank() != 0) fail<ShapeError>(in.op.name, "a hyperparameter has shape ", in.shape(i), ", not ()");
  }
}

void dense_rule(Inference& in) {
  check_update(in.op.name, *in.inputs[0].impl(), resource<VariableState>(in.attributes[0]));
  check_hyperparameters(in, 1);
}

void rows_rule(Inference& in) {
  const auto& variable = resource<VariableState>(in.attributes[0]);
  Shape rows = variable.shape;
  if (rows.empty() || in.dtype(1) != DType::int64 || in.shape(1).rank() != 1)
    fail<UsageError>(in.op.name, "rows ", name(in.dtype(1)), in.shape(1), " of a variable of shape ", rows);
  rows[0] = in.shape(1)[0];
  check_form(in.op.name, *in.inputs[0].impl(), rows, variable);
  check_hyperparameters(in, 2);
}

constexpr AttributeSpec sgd_attributes[] = {{"variable", AttributeKind::resource}};
constexpr AttributeSpec momentum_attributes[] = {
    {"variable", AttributeKind::resource}, {"velocity", AttributeKind::resource}, {"nesterov", AttributeKind::boolean}};
constexpr AttributeSpec adam_attributes[] = {
    {"variable", AttributeKind::resource}, {"m", AttributeKind::resource}, {"v", AttributeKind::resource}};

}  // namespace

void check_update(const char* operation, const TensorImpl& gradient, const VariableState& variable) {
  check_form(operation, gradient, variable.shape, variable);
}

void run_update(const Update& update, const Tensor& gradient, Hyperparameters hyperparameters, Attributes attributes) {
  std::vector<Operand> operands;
  operands.reserve(2 + hyperparameters.size());
  operands.emplace_back(gradient.is_sparse() ? gradient.values() : gradient);
  if (gradient.is_sparse()) operands.emplace_back(gradient.indices());
  for (const Variable& h : hyperparameters) operands.emplace_back(h);
  dispatch(gradient.is_sparse() ? update.rows : update.dense, operands, attributes, {});
}

namespace {

constexpr Op dense(
    const char* name, int hyperparameters, std::span<const AttributeSpec> attributes, Kernel kernel,
    const char* formula) {
  return {
      .name = name,
      .arity = 1 + hyperparameters,
      .outputs = 0,
      .attributes = attributes,
      .dtypes = floats,
      .infer = dense_rule,
      .cpu = kernel,
      .differentiable = Differentiable::no,
      .effect = true,
      .update = true,
      .formula = formula};
}
constexpr Op rows(const char* name, const Op& dense) {
  Op op = dense;
  op.name = name;
  ++op.arity;
  op.infer = rows_rule;
  return op;
}

}  // namespace
KEEN_OP(sgd_update) = dense("sgd_update", 1, sgd_attributes, cpu::sgd_update, "w −= lr·g");
KEEN_OP(sgd_update_rows) = rows("sgd_update_rows", sgd_update_op);

KEEN_OP(momentum_update) = dense(
    "momentum_update", 2, momentum_attributes, cpu::momentum_update,
    "m = μ·m − lr·g, w += m (Nesterov: w += μ·m − lr·g)");
KEEN_OP(momentum_update_rows) = rows("momentum_update_rows", momentum_update_op);

KEEN_OP(adam_update) = dense(
    "adam_update", 5, adam_attributes, cpu::adam_update,
    "m += (g − m)(1 − β₁), v += (g² − v)(1 − β₂), w −= lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε)");
KEEN_OP(adam_update_rows) = rows("adam_update_rows", adam_update_op);

constexpr Update sgd_update{sgd_update_op, sgd_update_rows_op};
constexpr Update momentum_update{momentum_update_op, momentum_update_rows_op};
constexpr Update adam_update{adam_update_op, adam_update_rows_op};

}  // namespace keen::detail
