// Variables: their state, their buffers, and reading them.
#include "keen/variable.h"

#include <algorithm>
#include <functional>

#include "core/backend.h"
#include "core/context.h"
#include "core/message.h"
#include "core/write_log.h"
#include "ops/helpers.h"
#include "ops/variable.h"

namespace keen {
namespace detail {

const VariableState& state_behind(const Variable& v, const char* operation) {
  if (!v.defined())
    fail<UsageError>(operation, "an empty Variable handle has no value: construct it with one, Variable(initial)");
  return *v.state();
}

void run_into(const Op& op, std::span<const Operand> operands, Tensor& to) {
  KernelCall call{op, operands, {}, {&to, 1}};
  backend(to.device()).run(call);
}

Tensor read(const VariableState& state) {
  std::lock_guard lock(state.mutex);
  return state.value;
}

Tensor writable(VariableState& state, bool copy_elements) {
  WriteLog::note(state);
  const TensorImpl& now = *state.value.impl();
  if (now.sole_owner()) return state.value;
  Tensor fresh = make_tensor(now.dtype, now.shape, now.device);
  const Operand value(state.value);
  if (copy_elements) run_into(contiguous_op, {&value, 1}, fresh);
  return fresh;
}

std::vector<std::unique_lock<std::mutex>> lock_all(std::span<VariableState*> states) {
  std::sort(states.begin(), states.end(), std::less<>());
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(states.size());
  for (auto* state : states) locks.emplace_back(state->mutex);
  return locks;
}

void own_buffer(VariableState& state) {
  std::lock_guard lock(state.mutex);
  state.value = writable(state, true);
}

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
  const Operand operand(dense);
  run_into(contiguous_op, {&operand, 1}, own);
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
const keen::Shape& Variable::shape() const { return state_behind(*this, "shape").shape; }
DType Variable::dtype() const { return state_behind(*this, "dtype").dtype; }
Device Variable::device() const { return state_behind(*this, "device").device; }
std::int64_t Variable::dim(int axis) const {
  const detail::Shape& s = shape();
  return s[normalise_axis("dim", axis, s.rank())];
}
std::int64_t Variable::size() const { return shape().num_elements(); }

Variable::Iterator Variable::begin() const {
  if (rank() == 0) fail<ShapeError>("begin", "a 0-d variable cannot be iterated over: item() gives its value");
  return {value(), 0};
}
Variable::Iterator Variable::end() const { return {Tensor(), rank() == 0 ? 0 : shape().raw(0)}; }

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

}  // namespace keen
