// Session: one run of a callable while it is traced, with decisions of the host on the values of tensors.
#pragma once
#include <functional>

#include "function/source_line.h"
#include "function/trace.h"
#include "function/tracer.h"

namespace keen::detail {

/// A segment that a call has run, and what it gave: its results, and the answer to its question (none: it has no key).
struct Ran {
  Segment* segment;
  std::vector<Tensor> results;
  std::optional<std::int64_t> answer;
};
/// The answer that the asked tensor gives.
std::optional<std::int64_t> answer_of(const Segment& segment, const std::vector<Tensor>& results);

/// Traces a callable. Where it asks for a value, the segment so far is compiled and run, and the trace goes on behind the
/// answer. A session may begin with segments that the call has run already: then the operations that the callable repeats
/// are checked against those recorded and not run again. Where a decision cannot be followed (a floating value, too many
/// answers or segments), all tensors get their values and the callable goes on eagerly. Where a staged `for` turns out to
/// be the host's, the session is abandoned: another one runs the callable again.
class Session final : public Tracer {
 public:
  /// `leave` is called when the callable goes on eagerly.
  Session(
      const std::string& name, Trace& trace, std::vector<Tensor> values, std::vector<Ran> ran,
      std::function<void()> leave);
  ~Session();

  std::vector<Tensor> arguments();
  /// The end: of a recorded segment, which `program` and `values` then run, or of a callable that went on eagerly.
  void finish(std::span<const Tensor> results, std::shared_ptr<const void> structure);
  bool is_eager() const noexcept { return mode_ == Mode::eager; }
  bool is_abandoned() const noexcept { return is_abandoned_; }
  /// The session in its stead, which begins with the segments that it has run.
  std::unique_ptr<Session> again();
  const Segment& last() const noexcept { return *segment_; }
  const std::vector<Tensor>& values() const noexcept { return values_; }

  void interpret(
      const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
      std::span<Tensor> outputs) override;
  std::optional<std::int64_t> ask(const Tensor& tensor, Question question) override;
  void unstage(const char* operation) override;
  bool host_takes(const std::source_location& loop) override;
  void leave_to_host(const std::vector<std::source_location>& loops) override;

 private:
  enum class Mode { checking, recording, eager };
  Tensor make(int value) override;
  Tensor add_read(const std::shared_ptr<VariableState>& variable) override;
  Bindings sizes_of_call() const override;

  void check_followed() const;
  void skip_absent(const Op* op);
  const Node& expect(const Op& op);
  [[noreturn]] void changed(const std::string& what) const;
  void check_node(const Node& node, std::span<const Operand> inputs, Attributes attributes);
  bool is_same(int value, const Operand& operand) const;
  std::vector<Tensor> held();
  void cut(const Tensor& asked, Question question);
  Ran run_segment();
  void go_on(const Ran& ran);
  void record_behind(Segment& segment, std::int64_t answer);
  void enter(Segment& segment, const std::vector<int>& results);
  void become_eager(const Ran& ran);
  const char* cannot_follow(const Ran& ran) const;

  const std::string& name_;
  Trace& trace_;
  Segment* segment_;
  const std::vector<Tensor> arguments_;
  std::vector<Tensor> values_;  // of the segment's inputs
  std::vector<Ran> ran_;        // with results where the trace may go on behind them: in the last
  std::size_t at_ = 0;          // of ran_
  std::size_t cursor_ = 0;      // in the recorded nodes that are checked
  std::size_t loop_ = 0;        // in the recorded loops
  Mode mode_;
  std::function<void()> leave_;
  std::vector<Tensor> made_;
  std::unique_ptr<Segment> open_;  // a segment that is not complete yet
  Segment* before_ = nullptr;      // it
  std::int64_t answer_ = 0;
  Observer* outer_observers_;
  bool is_abandoned_ = false;
};

}  // namespace keen::detail
