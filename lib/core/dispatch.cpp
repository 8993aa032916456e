// Dispatch: the one point where operations happen.
#include "core/dispatch.h"

#include <atomic>
#include <vector>

#include "core/backend.h"
#include "core/context.h"
#include "core/message.h"
#include "core/promotion.h"
#include "core/rules.h"
#include "keen/log.h"

namespace keen {
namespace detail {
namespace {

constinit std::atomic<bool> log_placement{false};

// --- operands and their place

void densify_inputs(const Op& op, std::span<Operand> inputs) {
  for (auto& in : inputs)
    if (in.impl()->is_sparse()) in.replace(in_the_name_of(op.name, [&] { return densify(in.tensor()); }));
}

bool joins_anywhere(const TensorImpl& t) { return t.device.is_cpu() && t.shape.empty(); }

Device place(const Op& op, std::span<Operand> inputs) {
  auto& c = thread_context;
  if (inputs.empty()) return current_device();
  Device device = inputs[0].impl()->device;
  if (c.has_device) device = c.device;
  else
    for (auto& in : inputs)
      if (!joins_anywhere(*in.impl())) device = in.impl()->device;
  for (auto& in : inputs) {
    if (in.impl()->device == device) continue;
    if (c.has_device || joins_anywhere(*in.impl())) in.replace(in.tensor().to(device));
    else
      fail<UsageError>(
          op.name, "operands on ", device, " and ", in.impl()->device, ": bring them together with .gpu() or .cpu()");
  }
  return device;
}

// --- the eager path

void check_no_symbols(const Op& op, std::span<const Operand> inputs) {
  for (auto& in : inputs)
    if (in.impl()->is_symbolic())
      fail<UsageError>(
          op.name, "an operand of shape ", in.impl()->shape,
          " belongs to the trace of a function and has no value outside it: return it from the function instead");
}

// An owned temporary of the result's form gives its buffer to the result of an elementwise operation.
Tensor donated(const Op& op, std::span<Operand> inputs, DType dtype, const Shape& shape) {
  if (!op.is_elementwise() || thread_context.observers) return {};
  for (auto& in : inputs) {
    if (in.kind() != Operand::Kind::owned) continue;
    TensorImpl* t = in.impl();
    constexpr auto mask = TensorImpl::contiguous | TensorImpl::external | TensorImpl::symbolic;
    if (t->dtype != dtype || (t->flags & mask) != TensorImpl::contiguous || t->base || t->extra) continue;
    // Two operands may be the same tensor: then someone else counts on it.
    if (!t->sole_owner() || t->shape != shape) continue;
    t->id = next_id();
    t->flags &= static_cast<std::uint8_t>(~TensorImpl::from_number);
    return Tensor::adopt(in.hand_over());
  }
  return {};
}

void notify(const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  for (Observer* o = thread_context.observers; o;) {
    Observer* outer = o->outer;  // an observer may end itself
    o->observe(op, inputs, attributes, outputs);
    o = outer;
  }
}

// Contiguous on the host with elements.
bool is_plain(const TensorImpl& t) {
  return t.device.is_cpu() && (t.flags & (TensorImpl::contiguous | TensorImpl::symbolic)) == TensorImpl::contiguous;
}

[[gnu::always_inline]] inline void run_fast(
    const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs,
    const TensorImpl& shaped) {
  const bool owned = inputs.front().kind() == Operand::Kind::owned || inputs.back().kind() == Operand::Kind::owned;
  if (owned) outputs[0] = donated(op, inputs, shaped.dtype, shaped.shape);
  if (!outputs[0].defined())
    outputs[0] = Tensor::adopt(make_impl(shaped.dtype, shaped.shape, shaped.strides, shaped.size, Device()));
  KernelCall call{op, inputs, attributes, outputs};
  op.cpu(call);
}

// A weak number beside a tensor whose dtype it takes: a 0-d tensor, which lies in this frame unless an observer may keep
// it. False where it is no such number.
[[gnu::noinline]] bool run_beside_number(
    const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs, Operand& number,
    const TensorImpl& shaped) {
  if (!number.is_weak() || weak_dtype(number, shaped.dtype) != shaped.dtype) return false;
  alignas(8) char element[8];
  if (thread_context.observers || !write_number(op.name, number, shaped.dtype, element)) {
    number.replace(number_tensor(op.name, number, shaped.dtype));
    run_fast(op, inputs, attributes, outputs, shaped);
  } else {
    TensorImpl scalar(shaped.dtype, Device(), Shape(), Shape(), 1);
    scalar.data = element;
    number.borrow(&scalar);
    run_fast(op, inputs, attributes, outputs, shaped);
    number.borrow(nullptr);
  }
  return true;
}

// The fast path: one or two operands of one dtype, contiguous on the host, of one shape or one of them 0-d, nobody
// asking where it runs. (Weak numbers and undefined tensors have no impl.)
bool fast_elementwise(const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  auto& c = thread_context;
  if (op.infer != rules::elementwise || c.interpreter || c.has_device) return false;
  Operand &first = inputs.front(), &last = inputs.back();
  const TensorImpl *a = first.impl(), *b = last.impl();
  const TensorImpl* shaped = a ? a : b;
  if (!shaped || !is_plain(*shaped) || !(op.dtypes & bit(shaped->dtype))) return false;
  if (log_placement.load(std::memory_order_relaxed)) [[unlikely]]
    return false;
  if (!a || !b) {
    if (!run_beside_number(op, inputs, attributes, outputs, a ? last : first, *shaped)) return false;
  } else {
    if (a != b) {
      if (b->dtype != a->dtype || !is_plain(*b)) return false;
      if (b->shape != a->shape) {
        if (a->shape.empty()) shaped = b;
        else if (!b->shape.empty()) return false;
      }
    }
    run_fast(op, inputs, attributes, outputs, *shaped);
  }
  if (c.observers) [[unlikely]]
    notify(op, inputs, attributes, outputs);
  return true;
}

}  // namespace

void run_kernel(
    const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
    std::span<Tensor> outputs, Device device) {
  if (op.view) {
    outputs[0] = op.view(*inputs[0].impl(), attributes, results[0]);
    return;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = donated(op, inputs, results[i].dtype, results[i].shape);
    if (!outputs[i].defined()) outputs[i] = make_result(op.name, results[i].dtype, results[i].shape, device);
  }
  KernelCall call{op, inputs, attributes, outputs};
  if (device.is_cpu() && op.cpu) op.cpu(call);
  else backend(device).run(call);
}

namespace {

// Every step, for any operation. Apart from the fast path, whose frame it would make large.
[[gnu::noinline]] void dispatch_any(
    const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  if (op.composite) [[unlikely]]
    return op.composite(op, inputs, attributes, outputs);
  auto& c = thread_context;
  if (c.interpreter) c.interpreter->begin(inputs);
  promote_inputs(op, inputs);
  densify_inputs(op, inputs);
  Device device = place(op, inputs);

  ResultSpec single;
  std::vector<ResultSpec> several;
  std::span<ResultSpec> results(&single, outputs.size());
  if (outputs.size() > 1) {
    several.resize(outputs.size());
    results = several;
  }
  Inference inference{op, inputs, attributes, results};
  op.infer(inference);

  if (c.interpreter) {
    c.interpreter->interpret(op, inputs, attributes, results, outputs);
  } else {
    check_no_symbols(op, inputs);
    run_kernel(op, inputs, attributes, results, outputs, device);
    if (log_placement.load(std::memory_order_relaxed)) log(LogLevel::info, text(op.name, ": ", device));
  }
  if (c.observers) notify(op, inputs, attributes, outputs);
}

}  // namespace

void dispatch(const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs) {
  if (!fast_elementwise(op, inputs, attributes, outputs)) dispatch_any(op, inputs, attributes, outputs);
}

}  // namespace detail

void log_device_placement(bool on) {
  static constinit std::atomic<int> level_found{-1};  // what to go back to; -1 where nothing was changed
  if (detail::log_placement.exchange(on) == on) return;
  if (on && log_level() > LogLevel::info) {
    level_found = static_cast<int>(log_level());
    set_log_level(LogLevel::info);
  } else if (const int level = level_found.exchange(-1); !on && level >= 0 && log_level() == LogLevel::info) {
    set_log_level(static_cast<LogLevel>(level));
  }
}

}  // namespace keen
