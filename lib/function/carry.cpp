#include "keen/function/carry.h"

#include <exception>

#include "core/message.h"
#include "function/staged_loop.h"
#include "keen/ops/arithmetic.h"

namespace keen::detail {

struct StagedRange::State {
  std::int64_t count = -1;  // also a symbol, in a trace
  Tensor tensor_count;      // or one that the trace does not know
  std::unique_ptr<Carried> carried;
  std::int64_t turn = 0;
  bool over = false;

  // In a trace: the loop, from the beginning of the only turn to its end.
  std::optional<StagedLoop> loop;
  PartResult before;
  Tensor index;
  int exceptions = 0;  // in flight when it began
};

StagedRange::StagedRange(std::int64_t count, std::unique_ptr<Carried> carried, Where where)
    : state_(std::make_unique<State>()) {
  note_line(where);
  state_->count = count;
  state_->carried = std::move(carried);
}
StagedRange::StagedRange(const Tensor& count, std::unique_ptr<Carried> carried, Where where)
    : state_(std::make_unique<State>()) {
  note_line(where);
  if (!is_integer(checked(count, "range").dtype) || count.rank())
    fail<UsageError>("range", "the number of turns is ", in_words({count}), ": one integer is wanted");
  if (count.is_symbolic()) state_->tensor_count = count;
  else state_->count = count.item<std::int64_t>();
  state_->carried = std::move(carried);
}

StagedRange::~StagedRange() {
  if (!state_->loop || state_->over) return;
  state_->loop->abandon();
  if (std::uncaught_exceptions() > state_->exceptions) state_->carried->restore();
  else if (Tracer* tracer = current_tracer())
    tracer->spoil("a staged for over range(n, carry(…)) was left by break or return: it has no end then");
}

StagedRange::Iterator StagedRange::begin() {
  State& s = *state_;
  // A loop that is known not to turn is none in a trace either.
  const bool turns = s.tensor_count.defined() || is_symbol(s.count) || s.count > 0;
  if (!thread_context.interpreter || !turns) {
    s.over = !turns;
    return Iterator(*this);
  }
  s.carried->remember();
  s.exceptions = std::uncaught_exceptions();
  s.before = s.carried->get();
  Leaves carried{Tensor(std::int64_t{0})};
  carried.insert(carried.end(), s.before.tensors.begin(), s.before.tensors.end());
  s.loop.emplace(*current_tracer(), std::move(carried), std::vector<Shape>(), Leaves());
  const Leaves found = s.loop->open();
  s.index = found[0];
  s.carried->set({found.begin() + 1, found.end()});
  return Iterator(*this);
}

Tensor StagedRange::current() const { return state_->loop ? state_->index : Tensor(state_->turn); }

void StagedRange::advance() {
  State& s = *state_;
  if (!s.loop) {
    s.over = ++s.turn >= s.count;
    return;
  }
  const PartResult after = s.carried->get();
  if (after.tensors.size() != s.before.tensors.size())
    fail<UsageError>("range", "a turn finds ", in_words(s.before.tensors), " and leaves ", in_words(after.tensors));
  Leaves results{s.index + 1};
  results.insert(results.end(), after.tensors.begin(), after.tensors.end());
  s.loop->close(results);
  s.over = true;
  const auto condition = [&](const Leaves& found) { return found[0] < s.tensor_count; };
  const bool counted = s.tensor_count.defined();
  const Leaves all = s.loop->stage(
      counted ? std::function<Tensor(const Leaves&)>(condition) : nullptr, counted ? Shape{} : Shape{s.count}, false);
  s.carried->set({all.begin() + 1, all.end()});
}

bool StagedRange::is_over() const { return state_->over; }

}  // namespace keen::detail
