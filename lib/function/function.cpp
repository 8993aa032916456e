// The traces of a function: found by signature, made under a lock, run outside it.
#include "keen/function/function.h"

#include <atomic>
#include <bit>
#include <mutex>
#include <thread>

#include "core/message.h"
#include "core/write_log.h"
#include "function/session.h"
#include "fusion/jit_loader.h"
#include "keen/log.h"

namespace keen {
namespace {

constinit std::atomic<bool> eagerly{false};

}  // namespace

void run_functions_eagerly(bool on) { eagerly = on; }
bool functions_run_eagerly() { return eagerly; }
void log_kernels(bool on) { detail::fusion::log_kernels(on); }

namespace detail {

Tensor placeholder(const TensorSpec& spec) { return make_symbolic(spec.dtype, spec.shape, current_device(), {}); }

struct FunctionCore::State {
  explicit State(FunctionOptions o) : options(std::move(o)), name(options.name.empty() ? "function" : options.name) {}

  void check_arguments(std::span<const Tensor> tensors, bool placeholders) const;
  std::shared_ptr<Trace> find(const Signature& signature);
  std::shared_ptr<Trace> known(const Signature& signature);
  std::shared_ptr<Trace> find_or_trace(const Signature& signature, const Body& body, std::optional<Traced>& eager);
  std::vector<TensorSpec> specs_for(const Signature& signature) const;
  void keep(const std::shared_ptr<Trace>& trace, const Signature& signature);
  Traced run(Trace& trace, std::vector<Tensor> values, const Body& body);
  std::optional<Traced> follow(Session& session, const Body& body);
  void count_call(bool traced, const Signature& signature);
  const Trace& newest() const;

  const FunctionOptions options;
  const std::string name;
  mutable std::mutex mutex;
  std::atomic<std::thread::id> tracing;  // the thread that does
  std::unordered_map<std::string, std::shared_ptr<Trace>> traces;
  std::vector<std::shared_ptr<Trace>> open_traces;  // those with unknown dimensions that serve several signatures
  std::shared_ptr<Trace> last;
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
            ". Tracing is costly: pass numbers that change as tensors, and give sizes that change an input_signature "
            "or "
            "reduce_retracing"));
  }
  last_traced_key = signature.key();
}

namespace {

/// Holds a function's lock and says which thread traces, until the tracing is over or goes on eagerly.
class Tracing {
 public:
  Tracing(std::unique_lock<std::mutex>& lock, std::atomic<std::thread::id>& who) : lock_(lock), who_(who) {
    who_ = std::this_thread::get_id();
  }
  ~Tracing() { end(); }
  void end() {
    if (!lock_.owns_lock()) return;
    who_ = std::thread::id();
    lock_.unlock();
  }

 private:
  std::unique_lock<std::mutex>& lock_;
  std::atomic<std::thread::id>& who_;
};

}  // namespace

/// Runs the callable in a session; gives its results if they are values already.
std::optional<FunctionCore::Traced> FunctionCore::State::follow(Session& session, const Body& body) {
  const std::vector<Tensor> arguments = session.arguments();
  try {
    TraceScope scope(session);
    Traced traced = body(arguments);
    session.finish(traced.results, traced.structure);
    if (session.is_eager()) return traced;
    return std::nullopt;
  } catch (const Error& error) {
    rethrow_with_line(error, session.line());
  }
}

std::shared_ptr<Trace> FunctionCore::State::known(const Signature& signature) {
  std::lock_guard lock(mutex);
  auto found = find(signature);
  if (found) count_call(false, signature);
  return found;
}

/// The trace for a signature. `eager` gets the results of a first call whose decisions could not be followed.
std::shared_ptr<Trace> FunctionCore::State::find_or_trace(
    const Signature& signature, const Body& body, std::optional<Traced>& eager) {
  std::unique_lock lock(mutex);
  if (auto found = find(signature)) {
    count_call(false, signature);
    return found;
  }
  auto made = std::make_shared<Trace>();
  made->specs = specs_for(signature);
  made->kept = signature.variables();
  made->key = options.input_signature.empty() ? key_with(signature.key(), made->specs) : std::string(signature.key());
  Tracing mark(lock, tracing);
  Session session(name, *made, {signature.tensors().begin(), signature.tensors().end()}, {}, [&] {
    keep(made, signature);  // what was traced so far is complete
    mark.end();
  });
  if (completed_one) session.forbid_variables();
  eager = follow(session, body);
  if (eager) return made;
  keep(made, signature);
  if (made->asks) eager = Traced{session.last().program->run(session.values()), session.last().structure};
  return made;
}

void FunctionCore::State::keep(const std::shared_ptr<Trace>& trace, const Signature& signature) {
  completed_one = true;
  count_call(true, signature);
  if (options.input_signature.empty() && is_open(trace->specs)) open_traces.insert(open_traces.begin(), trace);
  traces.insert_or_assign(trace->key, trace);
  last = trace;
}

/// Runs segment after segment; behind a decision that is new the callable itself says what follows.
FunctionCore::Traced FunctionCore::State::run(Trace& trace, std::vector<Tensor> values, const Body& body) {
  std::vector<Ran> ran;
  for (Segment* segment = &trace;;) {
    std::vector<Tensor> results = segment->program->run(ran.empty() ? values : ran.back().results);
    if (!segment->asks) return {std::move(results), segment->structure};
    const auto answer = answer_of(*segment, results);
    ran.push_back({segment, std::move(results), answer});
    std::unique_lock lock(mutex);
    Segment* next = answer ? segment->after(*answer) : nullptr;
    if (!next) {
      Tracing mark(lock, tracing);
      Session session(name, trace, std::move(values), std::move(ran), [&] { mark.end(); });
      session.forbid_variables();
      if (auto eager = follow(session, body)) return std::move(*eager);
      const auto program = session.last().program;
      const auto structure = session.last().structure;
      const auto inputs = session.values();
      mark.end();
      return {program->run(inputs), structure};
    }
    segment = next;
  }
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
  std::optional<Traced> eager;
  std::shared_ptr<Trace> trace = state_->known(signature);
  if (trace && !trace->asks) return {trace->program->run(signature.tensors()), trace->structure};
  WriteLog log;  // a failure behind a decision takes back what came before it
  if (!trace) trace = state_->find_or_trace(signature, body, eager);
  if (!eager)
    eager = trace->asks ? state_->run(*trace, {signature.tensors().begin(), signature.tensors().end()}, body)
                        : Traced{trace->program->run(signature.tensors()), trace->structure};
  log.keep();
  return std::move(*eager);
}

ConcreteCore FunctionCore::concrete(const Signature& signature, const Body& body) {
  if (calls_directly() && thread_context.interpreter)
    fail<UsageError>(state_->name.c_str(), "get_concrete_function cannot be asked for inside a trace");
  state_->check_arguments(signature.tensors(), true);
  std::optional<Traced> eager;
  return {state_->name, state_->find_or_trace(signature, body, eager)};
}

std::string FunctionCore::graph() const {
  std::lock_guard lock(state_->mutex);
  return state_->newest().program->graph().to_string();
}

std::string FunctionCore::dot() const {
  std::lock_guard lock(state_->mutex);
  return state_->newest().program->graph().to_dot();
}

std::vector<std::string> FunctionCore::kernel_ir() const {
  std::lock_guard lock(state_->mutex);
  return state_->newest().program->kernel_ir();
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
