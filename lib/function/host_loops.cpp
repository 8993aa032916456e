// Staged `for` loops whose bodies ask for values: the callable is run again, and the host takes their turns.
#include <algorithm>
#include <cstring>

#include "core/message.h"
#include "function/session.h"

namespace keen::detail {
namespace {

bool is_same_place(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() && !std::strcmp(a.file_name(), b.file_name());
}

}  // namespace

/// In a part the question cannot be answered. If only bodies of `for` stand around it, nothing on the way out would run
/// them again, so the whole trace learns of it.
std::optional<std::int64_t> Tracer::ask(const Tensor& tensor, Question) {
  if (!outer_)
    fail<UsageError>(
        "trace", "a tensor of shape ", tensor.shape(),
        " is asked for its value where it has none yet: inside a trace use cond, while_loop or where");
  std::vector<std::source_location> loops;
  Tracer* around = this;
  for (; around->outer_ && around->loop_; around = around->outer_) loops.push_back(*around->loop_);
  if (!around->outer_) around->leave_to_host(loops);
  throw HostDecision(text(
      "[trace] a tensor of shape ", tensor.shape(),
      " is asked for its value in a body that is traced once for all turns: use where or cond there, or let the host "
      "count the turns, with range(n) alone"));
}

/// A segment remembers what was decided, for when the callable is run again: what was staged there stays so.
bool Session::host_takes(const std::source_location& loop) {
  if (mode_ == Mode::checking) {
    if (loop_ == segment_->host_loops.size()) changed("begins a loop over range(n, carry(…)), which it did not do");
    return segment_->host_loops[loop_++];
  }
  const auto& places = trace_.host_loops_at;
  segment_->host_loops.push_back(
      std::any_of(places.begin(), places.end(), [&](const auto& place) { return is_same_place(place, loop); }));
  return segment_->host_loops.back();
}

void Session::leave_to_host(const std::vector<std::source_location>& loops) {
  if (mode_ == Mode::checking) changed("asks for a value in the body of a loop, which it did not do");
  unstage("range(n, carry(…))");
  trace_.host_loops_at.insert(trace_.host_loops_at.end(), loops.begin(), loops.end());
  is_abandoned_ = true;
}

/// The exception that left the loop, and was to leave the callable, may have been caught on its way.
void Session::check_followed() const {
  if (is_abandoned_) throw HostDecision("[trace] the callable is run again, with a loop whose turns the host takes");
}

std::unique_ptr<Session> Session::again() {
  if (ran_.empty()) {
    trace_.recorded = std::make_shared<Graph>();
    trace_.host_loops.clear();
  } else {
    ran_.back().results = values_;
  }
  auto next = std::make_unique<Session>(name_, trace_, arguments_, std::move(ran_), leave_);
  if (!may_create()) next->forbid_variables();
  return next;
}

}  // namespace keen::detail
