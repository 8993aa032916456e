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

void check_inputs(Inference& in) {
  check_update(in.op.name, *in.inputs[0].impl(), resource<VariableState>(in.attributes[0]));
  for (int i = 1; i < in.arity(); ++i) {
    if (in.shape(i).rank() != 0) fail<ShapeError>(in.op.name, "a hyperparameter has shape ", in.shape(i), ", not ()");
  }
}

constexpr AttributeSpec sgd_attributes[] = {{"variable", AttributeKind::resource}};
constexpr AttributeSpec momentum_attributes[] = {
    {"variable", AttributeKind::resource}, {"velocity", AttributeKind::resource}, {"nesterov", AttributeKind::boolean}};
constexpr AttributeSpec adam_attributes[] = {
    {"variable", AttributeKind::resource}, {"m", AttributeKind::resource}, {"v", AttributeKind::resource}};

}  // namespace

void check_update(const char* operation, const TensorImpl& gradient, const VariableState& variable) {
  if (!fits(gradient.shape, variable.shape))
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

KEEN_OP(sgd_update){
    .name = "sgd_update",
    .arity = 2,
    .outputs = 0,
    .attributes = sgd_attributes,
    .dtypes = floats,
    .infer = check_inputs,
    .cpu = cpu::sgd_update,
    .differentiable = Differentiable::no,
    .effect = true,
    .update = true,
    .may_raise = true,
    .takes_sparse = true,
    .formula = "w −= lr·g"};

KEEN_OP(momentum_update){
    .name = "momentum_update",
    .arity = 3,
    .outputs = 0,
    .attributes = momentum_attributes,
    .dtypes = floats,
    .infer = check_inputs,
    .cpu = cpu::momentum_update,
    .differentiable = Differentiable::no,
    .effect = true,
    .update = true,
    .may_raise = true,
    .takes_sparse = true,
    .formula = "m = μ·m − lr·g, w += m (Nesterov: w += μ·m − lr·g)"};

KEEN_OP(adam_update){
    .name = "adam_update",
    .arity = 6,
    .outputs = 0,
    .attributes = adam_attributes,
    .dtypes = floats,
    .infer = check_inputs,
    .cpu = cpu::adam_update,
    .differentiable = Differentiable::no,
    .effect = true,
    .update = true,
    .may_raise = true,
    .takes_sparse = true,
    .formula = "m += (g − m)(1 − β₁), v += (g² − v)(1 − β₂), w −= lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε)"};

}  // namespace keen::detail
