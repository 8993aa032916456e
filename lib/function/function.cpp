// The traces of a function: found by signature, made under a lock, run outside it.
#include "keen/function/function.h"

#include <atomic>
#include <bit>
#include <mutex>
#include <thread>

#include "core/message.h"
#include "function/source_line.h"
#include "function/trace.h"
#include "function/tracer.h"
#include "keen/log.h"

namespace keen {
namespace {

constinit std::atomic<bool> eagerly{false};

}  // namespace

void run_functions_eagerly(bool on) { eagerly = on; }
bool functions_run_eagerly() { return eagerly; }

namespace detail {

Tensor placeholder(const TensorSpec& spec) { return make_symbolic(spec.dtype, spec.shape, current_device(), {}); }

struct FunctionCore::State {
  explicit State(FunctionOptions o) : options(std::move(o)), name(options.name.empty() ? "function" : options.name) {}

  void check_arguments(std::span<const Tensor> tensors, bool placeholders) const;
  std::shared_ptr<const Trace> find(const Signature& signature);
  std::shared_ptr<const Trace> find_or_trace(const Signature& signature, const Body& body);
  std::vector<TensorSpec> specs_for(const Signature& signature) const;
  std::shared_ptr<const Trace> trace(const Signature& signature, const Body& body);
  void count_call(bool traced, const Signature& signature);
  const Trace& newest() const;

  const FunctionOptions options;
  const std::string name;
  mutable std::mutex mutex;
  std::atomic<std::thread::id> tracing;  // the thread that does
  std::unordered_map<std::string, std::shared_ptr<const Trace>> traces;
  std::vector<std::shared_ptr<const Trace>> open_traces;  // those with unknown dimensions that serve several signatures
  std::shared_ptr<const Trace> last;
  bool completed_one = false;
  std::uint16_t recent = 0;  // a bit for each of the last ten calls: was it traced?
  bool warned = false;
  std::string last_traced_key;
};

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
std::shared_ptr<const Trace> FunctionCore::State::find(const Signature& signature) {
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

std::shared_ptr<const Trace> FunctionCore::State::trace(const Signature& signature, const Body& body) {
  auto made = std::make_shared<Trace>();
  made->specs = specs_for(signature);
  Tracer tracer(*made->recorded);
  if (completed_one) tracer.forbid_variables();
  std::vector<Tensor> arguments;
  for (std::size_t i = 0; i < made->specs.size(); ++i)
    arguments.push_back(tracer.input(made->specs[i], signature.tensors()[i].device()));
  try {
    TraceScope scope(tracer);
    Traced traced = body(arguments);
    tracer.check_unspoilt();
    for (const auto& result : traced.results) tracer.result(result);
    made->structure = std::move(traced.structure);
  } catch (const Error& error) {
    rethrow_with_line(error, tracer.line());
  }
  made->names = tracer.names();
  made->kept = signature.variables();
  made->program = std::make_shared<Program>(*made->recorded);
  made->key = options.input_signature.empty() ? key_with(signature.key(), made->specs) : std::string(signature.key());
  return made;
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
            ". Tracing is costly: pass numbers that change as tensors, and give sizes that change an input_signature "
            "or "
            "reduce_retracing"));
  }
  last_traced_key = signature.key();
}

std::shared_ptr<const Trace> FunctionCore::State::find_or_trace(const Signature& signature, const Body& body) {
  std::lock_guard lock(mutex);
  if (auto found = find(signature)) {
    count_call(false, signature);
    return found;
  }
  struct Mark {
    explicit Mark(std::atomic<std::thread::id>& who) : who(who) { who = std::this_thread::get_id(); }
    ~Mark() { who = std::thread::id(); }
    std::atomic<std::thread::id>& who;
  } mark(tracing);
  auto made = trace(signature, body);
  completed_one = true;
  count_call(true, signature);
  if (options.input_signature.empty() && is_open(made->specs)) open_traces.insert(open_traces.begin(), made);
  traces.insert_or_assign(made->key, made);
  return last = made;
}

const Trace& FunctionCore::State::newest() const {
  if (!last) fail<UsageError>(name.c_str(), "nothing has been traced yet: call it, or ask get_concrete_function");
  return *last;
}

FunctionCore::FunctionCore(FunctionOptions options) : state_(std::make_unique<State>(std::move(options))) {}
FunctionCore::~FunctionCore() = default;

bool FunctionCore::calls_directly() const {
  if (state_->tracing.load(std::memory_order_relaxed) == std::this_thread::get_id())
    fail<UsageError>(state_->name.c_str(), "a function calls itself while it is traced: take the recursion out of it");
  return eagerly.load(std::memory_order_relaxed) || thread_context.interpreter;
}

bool FunctionCore::reads_forms() const { return state_->options.input_signature.empty(); }

FunctionCore::Traced FunctionCore::call(const Signature& signature, const Body& body) {
  state_->check_arguments(signature.tensors(), false);
  const auto trace = state_->find_or_trace(signature, body);
  return {trace->program->run(signature.tensors()), trace->structure};
}

ConcreteCore FunctionCore::concrete(const Signature& signature, const Body& body) {
  if (calls_directly() && thread_context.interpreter)
    fail<UsageError>(state_->name.c_str(), "get_concrete_function cannot be asked for inside a trace");
  state_->check_arguments(signature.tensors(), true);
  return {state_->name, state_->find_or_trace(signature, body)};
}

std::string FunctionCore::graph() const {
  std::lock_guard lock(state_->mutex);
  return state_->newest().program->graph().to_string();
}

std::string FunctionCore::explain() const {
  std::lock_guard lock(state_->mutex);
  return detail::explain(state_->name, state_->newest());
}

int FunctionCore::trace_count() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->traces.size());
}

}  // namespace detail
}  // namespace keen
