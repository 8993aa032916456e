// The traces of a function: found by signature, made under a lock, replayed outside it.
#include "keen/function/function.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "core/message.h"
#include "function/executable.h"
#include "function/tracer.h"

namespace keen {
namespace {

constinit std::atomic<bool> eagerly{false};

}  // namespace

void run_functions_eagerly(bool on) { eagerly = on; }
bool functions_run_eagerly() { return eagerly; }

namespace detail {
namespace {

struct Trace {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  std::optional<Executable> executable;
  std::shared_ptr<const void> structure;
};

void append_form(std::string& key, const Tensor& tensor) {
  const auto add = [&](std::int64_t number) { key.append(reinterpret_cast<const char*>(&number), sizeof number); };
  const Device device = tensor.device();
  key += static_cast<char>(tensor.dtype());
  key += static_cast<char>(device.type);
  key += static_cast<char>(device.index);
  key += static_cast<char>(tensor.rank());
  for (auto dim : tensor.shape()) add(dim);
}

bool fits(const Shape& shape, const Shape& wanted) {
  bool fit = shape.rank() == wanted.rank();
  for (int i = 0; fit && i < shape.rank(); ++i) fit = wanted[i] < 0 || wanted[i] == shape[i];
  return fit;
}

}  // namespace

struct FunctionCore::State {
  explicit State(FunctionOptions o) : options(std::move(o)), name(options.name.empty() ? "function" : options.name) {}

  void check_arguments(const std::vector<Tensor>& tensors) const;
  std::string key_of(const Signature& signature) const;
  std::shared_ptr<const Trace> find_or_trace(const Signature& signature, const Body& body);
  std::shared_ptr<const Trace> trace(const Signature& signature, const Body& body);

  FunctionOptions options;
  std::string name;
  mutable std::mutex mutex;
  std::atomic<std::thread::id> tracing;  // the thread that does
  std::unordered_map<std::string, std::shared_ptr<const Trace>> traces;
  std::shared_ptr<const Trace> last;
};

void FunctionCore::State::check_arguments(const std::vector<Tensor>& tensors) const {
  const char* const at = name.c_str();
  for (const auto& tensor : tensors)
    if (checked(tensor, at).is_symbolic())
      fail<UsageError>(at, "an argument of shape ", tensor.shape(),
                       " belongs to the trace of a function and has no value outside it: return it from the function instead");
  const auto& wanted = options.input_signature;
  if (wanted.empty()) return;
  if (wanted.size() != tensors.size())
    fail<UsageError>(at, tensors.size(), " tensor arguments, but an input_signature of ", wanted.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].dtype() != wanted[i].dtype)
      fail<DTypeError>(at, "tensor argument ", i, " is ", keen::name(tensors[i].dtype()), ", its input_signature ", wanted[i], ": cast it");
    if (!fits(tensors[i].shape(), wanted[i].shape))
      fail<ShapeError>(at, "tensor argument ", i, " has shape ", tensors[i].shape(), ", its input_signature is ", wanted[i]);
  }
}

std::string FunctionCore::State::key_of(const Signature& signature) const {
  std::string key = signature.key;
  for (const auto& tensor : signature.tensors) {
    if (options.input_signature.empty()) append_form(key, tensor);
    else key += tensor.device().to_string();
  }
  return key;
}

std::shared_ptr<const Trace> FunctionCore::State::trace(const Signature& signature, const Body& body) {
  auto made = std::make_shared<Trace>();
  Tracer tracer(*made->graph);
  std::vector<Tensor> arguments;
  for (std::size_t i = 0; i < signature.tensors.size(); ++i) {
    const Tensor& tensor = signature.tensors[i];
    const TensorSpec spec = options.input_signature.empty() ? TensorSpec(tensor.shape(), tensor.dtype()) : options.input_signature[i];
    arguments.push_back(tracer.input(spec, tensor.device()));
  }
  {
    TraceScope scope(tracer);
    Traced traced = body(arguments);
    for (const auto& result : traced.results) tracer.result(result);
    made->structure = std::move(traced.structure);
  }
  prune(*made->graph);
  made->graph->check();
  made->executable.emplace(made->graph);
  return made;
}

std::shared_ptr<const Trace> FunctionCore::State::find_or_trace(const Signature& signature, const Body& body) {
  check_arguments(signature.tensors);
  std::string key = key_of(signature);
  std::lock_guard lock(mutex);
  if (const auto found = traces.find(key); found != traces.end()) return found->second;
  struct Mark {
    explicit Mark(std::atomic<std::thread::id>& who) : who(who) { who = std::this_thread::get_id(); }
    ~Mark() { who = std::thread::id(); }
    std::atomic<std::thread::id>& who;
  } mark(tracing);
  last = trace(signature, body);
  traces.emplace(std::move(key), last);
  return last;
}

FunctionCore::FunctionCore(FunctionOptions options) : state_(std::make_unique<State>(std::move(options))) {}
FunctionCore::~FunctionCore() = default;

bool FunctionCore::calls_directly() const {
  if (state_->tracing.load() == std::this_thread::get_id())
    fail<UsageError>(state_->name.c_str(), "a function calls itself while it is traced: take the recursion out of it");
  return eagerly || thread_context.interpreter;
}

FunctionCore::Traced FunctionCore::call(const Signature& signature, const Body& body) {
  const auto trace = state_->find_or_trace(signature, body);
  return {trace->executable->run(signature.tensors), trace->structure};
}

std::string FunctionCore::graph(const Signature& signature, const Body& body) {
  return state_->find_or_trace(signature, body)->graph->to_string();
}

std::string FunctionCore::graph() const {
  std::lock_guard lock(state_->mutex);
  if (!state_->last) fail<UsageError>(state_->name.c_str(), "nothing has been traced yet: call it, or give graph() arguments");
  return state_->last->graph->to_string();
}

int FunctionCore::trace_count() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->traces.size());
}

}  // namespace detail
}  // namespace keen
