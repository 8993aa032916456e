#include "keen/function/carry.h"

#include <exception>

#include "core/message.h"
#include "function/staged_loop.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"

namespace keen::detail {

struct StagedRange::State {
  std::int64_t count = -1;  // also a symbol, in a trace
  Tensor tensor_count;      // or one that the trace does not know
  std::unique_ptr<Carried> carried;
  std::source_location where;
  std::int64_t turn = 0;
  bool over = false;

  // In a trace:
  Tensor index;  // one value a turn, so that turns which the host takes are alike
  // the loop, from the beginning of the only turn to its end. Absent where the host takes the turns.
  std::optional<StagedLoop> loop;
  PartResult before;
  int exceptions = 0;  // in flight when it began

  void stage(Tracer& tracer);
  void leave_to_host();
  bool is_at_end() const;
};

StagedRange::StagedRange(std::int64_t count, std::unique_ptr<Carried> carried, Where where)
    : state_(std::make_unique<State>()) {
  note_line(where);
  state_->where = where;
  state_->count = count;
  state_->carried = std::move(carried);
}
StagedRange::StagedRange(const Tensor& count, std::unique_ptr<Carried> carried, Where where)
    : state_(std::make_unique<State>()) {
  note_line(where);
  state_->where = where;
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
  Tracer* tracer = current_tracer();
  if (!tracer || !turns) s.over = !turns;
  else if (tracer->host_takes(s.where)) s.leave_to_host();
  else s.stage(*tracer);
  return Iterator(*this);
}

void StagedRange::State::stage(Tracer& tracer) {
  carried->remember();
  exceptions = std::uncaught_exceptions();
  before = carried->get();
  Leaves state{Tensor(std::int64_t{0})};
  state.insert(state.end(), before.tensors.begin(), before.tensors.end());
  loop.emplace(tracer, std::move(state), std::vector<keen::Shape>(), Leaves());
  loop->is_for_at(where);
  const Leaves found = loop->open();
  index = found[0];
  carried->set({found.begin() + 1, found.end()});
}

void StagedRange::State::leave_to_host() {
  index = zeros({}, {.dtype = DType::int64});
  if (is_symbol(count)) tensor_count = Tensor(Size(count));
  over = is_at_end();
}

/// Have all turns been taken? A number that the trace does not know is asked for, turn by turn.
bool StagedRange::State::is_at_end() const {
  if (!tensor_count.defined()) return turn >= count;
  note_line(where);
  return in_the_name_of("range", [&] { return !static_cast<bool>(index < tensor_count); });
}

Tensor StagedRange::current() const { return state_->index.defined() ? state_->index : Tensor(state_->turn); }

void StagedRange::advance() {
  State& s = *state_;
  if (!s.loop) {
    ++s.turn;
    if (s.index.defined()) s.index = s.index + 1;
    s.over = s.is_at_end();
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
