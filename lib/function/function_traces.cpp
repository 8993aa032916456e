// The traces of a function: which one serves a signature, what a new one is made for, and how many there are.
#include <algorithm>
#include <bit>

#include "core/message.h"
#include "function/function_state.h"
#include "keen/log.h"

namespace keen::detail {

void FunctionCore::State::check_arguments(const Signature& signature, bool placeholders) const {
  for (const auto& tensor : signature.tensors())
    if (tensor.is_symbolic() && (!placeholders || tensor.impl()->extra->link.trace))
      fail<UsageError>(
          name.c_str(), "an argument of shape ", tensor.shape(),
          " belongs to the trace of a function and has no value outside it: return it from the function instead");
  if (!options.input_signature.empty()) check_fit(signature, false);
}

/// Do the arguments fit the input_signature? In a trace, sizes that are open may.
void FunctionCore::State::check_fit(const Signature& signature, bool in_trace) const {
  const char* const at = name.c_str();
  const auto& wanted = options.input_signature;
  const auto tensors = signature.tensors();
  if (wanted.size() != tensors.size()) {
    std::size_t i = 0;
    for (const Leaf& leaf : leaves_of(signature.key())) {
      if (leaf.kind == 'U')
        fail<UsageError>(
            at, "tensor argument ", i, " is undefined, and the input_signature ",
            i < wanted.size() ? text("wants ", wanted[i]) : text("has none there"));
      i += leaf.kind == 'T';
    }
    fail<UsageError>(at, tensors.size(), " tensor arguments, but an input_signature of ", wanted.size());
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].dtype() != wanted[i].dtype)
      fail<DTypeError>(
          at, "tensor argument ", i, " is ", keen::name(tensors[i].dtype()), ", its input_signature ", wanted[i],
          ": cast it");
    Shape shape = tensors[i].shape();
    for (int axis = 0; in_trace && axis < std::min(shape.rank(), wanted[i].shape.rank()); ++axis)
      if (shape[axis] < 0) shape[axis] = wanted[i].shape[axis];
    if (!fits(shape, wanted[i].shape))
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

namespace {

/// How a function whose arguments change so comes to fewer traces.
const char* advice_on(Change change, const FunctionOptions& options) {
  switch (change) {
    case Change::number:
      return "pass numbers that change as tensors";
    case Change::sizes:
      return options.reduce_retracing ? "name the sizes that change in an input_signature, as unknown"
                                      : "give sizes that change an input_signature or reduce_retracing";
    case Change::variable:
      return "pass the same variables at each call, and assign to them";
    default:
      return "each dtype, rank, device and structure of arguments has a trace of its own";
  }
}

}  // namespace

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
            ". Tracing is costly: ", advice_on(first_change(last_traced_key, signature.key()), options)));
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
  if (traces.insert_or_assign(trace->key, trace).second) by_age.push_back(trace->key);
  if (by_age.size() > most_traces) {  // who makes that many meets few of them again
    const auto oldest = traces.find(by_age.front());
    std::erase(open_traces, oldest->second);
    traces.erase(oldest);
    by_age.pop_front();
  }
  last = trace;
}

const Trace& FunctionCore::State::newest() const {
  if (!last) fail<UsageError>(name.c_str(), "nothing has been traced yet: call it, or ask get_concrete_function");
  return *last;
}

}  // namespace keen::detail
