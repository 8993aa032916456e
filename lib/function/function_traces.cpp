// The traces of a function: which one serves a signature, what a new one is made for, and how many there are.
#include <bit>

#include "core/message.h"
#include "function/function_state.h"
#include "keen/log.h"

namespace keen::detail {

void FunctionCore::State::check_arguments(std::span<const Tensor> tensors, bool placeholders) const {
  const char* const at = name.c_str();
  for (const auto& tensor : tensors)
    if (tensor.is_symbolic() && (!placeholders || tensor.impl()->extra->link.trace))
      fail<UsageError>(
          at, "an argument of shape ", tensor.shape(),
          " belongs to the trace of a function and has no value outside it: return it from the function instead");
  const auto& wanted = options.input_signature;
  if (wanted.empty()) return;
  if (wanted.size() != tensors.size())
    fail<UsageError>(at, tensors.size(), " tensor arguments, but an input_signature of ", wanted.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].dtype() != wanted[i].dtype)
      fail<DTypeError>(
          at, "tensor argument ", i, " is ", keen::name(tensors[i].dtype()), ", its input_signature ", wanted[i],
          ": cast it");
    if (!fits(tensors[i].shape(), wanted[i].shape))
      fail<ShapeError>(
          at, "tensor argument ", i, " has shape ", tensors[i].shape(), ", its input_signature is ", wanted[i]);
  }
}

/// The trace that serves a signature; null if none does yet.
std::shared_ptr<Trace> FunctionCore::State::find(const Signature& signature) {
  if (last && last->key == signature.key()) return last;
  if (const auto found = traces.find(std::string(signature.key())); found != traces.end()) return last = found->second;
  if (open_traces.empty()) return nullptr;
  const auto leaves = leaves_of(signature.key());
  for (const auto& trace : open_traces) {
    if (!same_but_for_shapes(leaves, leaves_of(trace->key))) continue;
    bool fit = true;
    for (std::size_t i = 0; i < trace->specs.size(); ++i)
      fit = fit && fits(signature.tensors()[i].shape(), trace->specs[i].shape);
    if (fit) return trace;
  }
  return nullptr;
}

/// What to trace with: the input_signature, the arguments' own forms, or with reduce_retracing what they have in common
/// with the earlier traces.
std::vector<TensorSpec> FunctionCore::State::specs_for(const Signature& signature) const {
  if (!options.input_signature.empty()) return options.input_signature;
  std::vector<TensorSpec> specs;
  for (const auto& tensor : signature.tensors()) specs.emplace_back(tensor.shape(), tensor.dtype());
  if (!options.reduce_retracing) return specs;
  const auto leaves = leaves_of(signature.key());
  for (const auto& [key, trace] : traces)
    if (same_but_for_shapes(leaves, leaves_of(key)))
      for (std::size_t i = 0; i < specs.size(); ++i)
        specs[i].shape = common_shape(specs[i].shape, trace->specs[i].shape);
  return specs;
}

/// Warns once of a function that keeps being traced: five times within ten calls.
void FunctionCore::State::count_call(bool traced, const Signature& signature) {
  recent = static_cast<std::uint16_t>((recent << 1 | traced) & 0x3ff);
  if (!traced) return;
  if (!warned && std::popcount(recent) >= 5) {
    warned = true;
    log(LogLevel::warning,
        text(
            "[", name, "] has been traced ", std::popcount(recent),
            " times in its last ten calls; between the last two ", describe_change(last_traced_key, signature.key()),
            ". Tracing is costly: pass numbers that change as tensors, and give sizes that change an "
            "input_signature or reduce_retracing"));
  }
  last_traced_key = signature.key();
}

std::shared_ptr<Trace> FunctionCore::State::known(const Signature& signature) {
  std::lock_guard lock(mutex);
  auto found = find(signature);
  if (found) count_call(false, signature);
  return found;
}

void FunctionCore::State::keep(const std::shared_ptr<Trace>& trace, const Signature& signature) {
  completed_one = true;
  count_call(true, signature);
  if (options.input_signature.empty() && is_open(trace->specs)) open_traces.insert(open_traces.begin(), trace);
  traces.insert_or_assign(trace->key, trace);
  last = trace;
}

const Trace& FunctionCore::State::newest() const {
  if (!last) fail<UsageError>(name.c_str(), "nothing has been traced yet: call it, or ask get_concrete_function");
  return *last;
}

}  // namespace keen::detail
