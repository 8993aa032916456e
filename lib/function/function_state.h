// What a function is behind its handle: its traces, and who makes them.
#pragma once
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "function/session.h"
#include "keen/function/function.h"

namespace keen::detail {

struct FunctionCore::State {
  explicit State(FunctionOptions o) : options(std::move(o)), name(options.name.empty() ? "function" : options.name) {}

  void check_arguments(const Signature& signature, bool placeholders) const;
  void check_fit(const Signature& signature, bool in_trace) const;
  std::shared_ptr<Trace> find(const Signature& signature);
  std::shared_ptr<Trace> known(const Signature& signature);
  std::shared_ptr<Trace> find_or_trace(const Signature& signature, const Body& body, std::optional<Traced>& eager);
  std::vector<TensorSpec> specs_for(const Signature& signature) const;
  void keep(const std::shared_ptr<Trace>& trace, const Signature& signature);
  Traced run(Trace& trace, std::vector<Tensor> values, const Body& body);
  std::optional<Traced> follow(std::unique_ptr<Session>& session, const Body& body);
  void count_call(bool traced, const Signature& signature);
  const Trace& newest() const;

  const FunctionOptions options;
  const std::string name;
  mutable std::mutex mutex;
  std::atomic<std::thread::id> tracing;            // the thread that does
  static constexpr std::size_t most_traces = 256;  // the oldest goes
  std::unordered_map<std::string, std::shared_ptr<Trace>> traces;
  std::deque<std::string> by_age;                   // their keys
  std::vector<std::shared_ptr<Trace>> open_traces;  // those with unknown dimensions that serve several signatures
  std::shared_ptr<Trace> last;
  bool completed_one = false;
  std::uint16_t recent = 0;  // a bit for each of the last ten calls: was it traced?
  bool warned = false;
  std::string last_traced_key;
};

}  // namespace keen::detail
