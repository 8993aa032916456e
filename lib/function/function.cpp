// Calls of functions: traces are made under a lock and run outside it.
#include "core/message.h"
#include "core/write_log.h"
#include "function/function_state.h"
#include "fusion/jit_loader.h"
#include "random/draw_log.h"

namespace keen {
namespace {

constinit std::atomic<bool> eagerly{false};

}  // namespace

void run_functions_eagerly(bool on) { eagerly = on; }
bool functions_run_eagerly() { return eagerly; }
void log_kernels(bool on) { detail::fusion::log_kernels(on); }

namespace detail {

Tensor placeholder(const TensorSpec& spec) { return make_symbolic(spec.dtype, spec.shape, current_device(), {}); }

namespace {

/// What a call takes back if it fails.
struct CallLog {
  WriteLog writes;
  DrawLog draws;
  void keep() noexcept {
    writes.keep();
    draws.keep();
  }
};

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

/// Runs the callable in a session; gives its results if they are values already. Abandoned sessions are replaced.
std::optional<Traced> FunctionCore::State::follow(std::unique_ptr<Session>& session, const Body& body) {
  for (;; session = session->again()) {
    const std::vector<Tensor> arguments = session->arguments();
    try {
      TraceScope scope(*session);
      Traced traced = body(arguments);
      session->finish(traced.results, traced.structure);
      if (session->is_eager()) return traced;
      return std::nullopt;
    } catch (const Error& error) {
      if (session->is_abandoned()) continue;
      if (session->is_eager()) throw;  // behind the last line that was traced
      rethrow_with_line(error, session->line());
    } catch (...) {
      if (!session->is_abandoned()) throw;  // else it may be the program's word for the decision
    }
  }
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
  const std::vector<Tensor> arguments(signature.tensors().begin(), signature.tensors().end());
  auto session = std::make_unique<Session>(name, *made, arguments, std::vector<Ran>(), [&] {
    keep(made, signature);  // what was traced so far is complete
    mark.end();
  });
  if (completed_one) session->forbid_variables();
  eager = follow(session, body);
  if (eager) return made;
  keep(made, signature);
  if (made->asks) eager = Traced{session->last().program->run(session->values()), session->last().structure};
  return made;
}

/// Runs segment after segment; behind a decision that is new the callable itself says what follows.
Traced FunctionCore::State::run(Trace& trace, std::vector<Tensor> values, const Body& body) {
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
      auto session = std::make_unique<Session>(name, trace, std::move(values), std::move(ran), [&] { mark.end(); });
      session->forbid_variables();
      if (auto eager = follow(session, body)) return std::move(*eager);
      const auto program = session->last().program;
      const auto structure = session->last().structure;
      const auto inputs = session->values();
      mark.end();
      return {program->run(inputs), structure};
    }
    segment = next;
  }
}

FunctionCore::FunctionCore(FunctionOptions options) : state_(std::make_unique<State>(std::move(options))) {}
FunctionCore::~FunctionCore() = default;

bool FunctionCore::calls_directly() const {
  if (state_->tracing.load(std::memory_order_relaxed) == std::this_thread::get_id())
    fail<UsageError>(state_->name.c_str(), "a function calls itself while it is traced: take the recursion out of it");
  return eagerly.load(std::memory_order_relaxed) || thread_context.interpreter;
}

void FunctionCore::check(const Signature& signature) const {
  if (!state_->options.input_signature.empty()) state_->check_fit(signature, thread_context.interpreter);
}

bool FunctionCore::reads_forms() const { return state_->options.input_signature.empty(); }

Traced FunctionCore::call(const Signature& signature, const Body& body) {
  state_->check_arguments(signature, false);
  std::optional<Traced> eager;
  std::shared_ptr<Trace> trace = state_->known(signature);
  if (trace && !trace->asks) return {trace->program->run(signature.tensors()), trace->structure};
  CallLog log;  // a failure behind a decision takes back what came before it
  if (!trace) trace = state_->find_or_trace(signature, body, eager);
  if (!eager)
    eager = trace->asks ? state_->run(*trace, {signature.tensors().begin(), signature.tensors().end()}, body)
                        : Traced{trace->program->run(signature.tensors()), trace->structure};
  log.keep();
  return std::move(*eager);
}

ConcreteCore FunctionCore::concrete(const Signature& signature, Body body) {
  if (calls_directly() && thread_context.interpreter)
    fail<UsageError>(state_->name.c_str(), "get_concrete_function cannot be asked for inside a trace");
  state_->check_arguments(signature, true);
  std::optional<Traced> eager;
  const std::shared_ptr<Trace> trace = state_->find_or_trace(signature, body, eager);
  // The body holds the function, and so its state.
  const auto follow = [state = state_.get(), trace, body = std::move(body)](std::vector<Tensor> arguments) {
    if (thread_context.interpreter) return body(arguments);
    CallLog log;
    Traced traced = state->run(*trace, std::move(arguments), body);
    log.keep();
    return traced;
  };
  return {state_->name, trace, follow};
}

/// What there is to see of the newest trace; not while this thread makes one.
template <class Show>
auto FunctionCore::shown(Show&& show) const {
  if (state_->tracing.load(std::memory_order_relaxed) == std::this_thread::get_id())
    fail<UsageError>(state_->name.c_str(), "a function is asked about itself while it is traced: ask behind the call");
  std::lock_guard lock(state_->mutex);
  return show(*state_);
}

std::string FunctionCore::graph() const {
  return shown([](const State& state) { return text_of(state.newest()); });
}
std::string FunctionCore::dot() const {
  return shown([](const State& state) { return dot_of(state.newest()); });
}
std::vector<std::string> FunctionCore::kernel_ir() const {
  return shown([](const State& state) { return detail::kernel_ir(state.newest()); });
}
std::string FunctionCore::explain() const {
  return shown([](const State& state) { return detail::explain(state.name, state.newest()); });
}
int FunctionCore::trace_count() const {
  return shown([](const State& state) { return static_cast<int>(state.traces.size()); });
}

}  // namespace detail
}  // namespace keen
