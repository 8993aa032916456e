// Branches and loops whose course depends on tensors. Eagerly they simply run; inside a compiled function each becomes one
// operation, traced once, whatever the course. A body that asks a tensor for its value (an if, a while, item()) cannot: then
// the host takes the turns or the branch, as it does for an if of its own, with a warning.
#pragma once
#include <functional>
#include <optional>

#include "keen/function/signature.h"

namespace keen {

struct WhileOptions {
  std::int64_t maximum_iterations = -1;  ///< negative: no limit
  /// Shapes of the state's tensors, in order, with `unknown` where turns may change a size; absent: they keep their shapes.
  std::vector<Shape> shape_invariants = {};
};
struct ScanOptions {
  bool reverse = false;  ///< from the last slice to the first; results keep their places
};

namespace detail {

using Leaves = std::vector<Tensor>;
/// What a part of a program gives: its tensors, and the key of the structure they stood in.
struct PartResult {
  Leaves tensors;
  std::string key;
};

/// Is a trace going on, so that control flow becomes part of it? Its errors name the line from now on.
bool is_tracing(Where where);
/// Does a tape listen? It then learns of loops that do not turn what their bodies would have used: by staging them.
bool is_recorded() noexcept;
/// None of these gives anything where a body asks for the value of a tensor: then the host runs it instead.
std::optional<Leaves> stage_branches(
    const char* operation, const Tensor& index, const std::vector<std::function<PartResult()>>& branches, Where where);
std::optional<Leaves> stage_while(
    const std::function<Tensor(const Leaves&)>& condition, const std::function<PartResult(const Leaves&)>& body,
    const PartResult& initial, const WhileOptions& options, Where where);
/// `count` is of the results that are state; those behind it are stacked.
std::optional<Leaves> stage_scan(
    const char* operation, const std::function<PartResult(const Leaves&, const Leaves&)>& body,
    const PartResult& initial, const Leaves& xs, std::size_t& count, const ScanOptions& options, Where where);
/// The number of slices that all xs have. `operation` is what the user called, here as above.
std::int64_t scan_length(const char* operation, const Leaves& xs);
/// The same, for turns that the host must take.
std::int64_t unstaged_length(const char* operation, const Leaves& xs);
/// The number of the branch to run: the last of `count` for an index out of range.
std::int64_t branch_number(const char* operation, const Tensor& index, std::int64_t count, Where where);
bool goes_on(const Tensor& condition);

/// Numbers become tensors, alone and as elements of tuples and pairs; everything else stays.
template <class T>
struct Staged {
  using type =
      std::conditional_t<std::is_arithmetic_v<T> || std::is_same_v<T, Variable> || std::is_same_v<T, Size>, Tensor, T>;
};
template <class... T>
struct Staged<std::tuple<T...>> {
  using type = std::tuple<typename Staged<T>::type...>;
};
template <class A, class B>
struct Staged<std::pair<A, B>> {
  using type = std::pair<typename Staged<A>::type, typename Staged<B>::type>;
};
template <class T>
using StagedType = typename Staged<std::decay_t<T>>::type;

template <class T>
Leaves leaves_in(T value) {
  TakeTensors take;
  visit_leaves(value, take);
  return std::move(take.tensors);
}
/// Sparse tensors become dense: whatever a part's course, its results have one form.
template <class T>
PartResult part_result(T& value) {
  MakeDense dense;
  visit_leaves(value, dense);
  Signature signature;
  visit_leaves(std::as_const(value), signature);
  return {leaves_in(value), std::string(signature.key())};
}
template <class T>
T with_leaves(T value, const Leaves& tensors) {
  PutTensors put(tensors);
  visit_leaves(value, put);
  return value;
}
/// f(state), or with the elements of a tuple f(elements…).
template <class F, class S>
decltype(auto) call_with(F& f, S& state) {
  if constexpr (std::is_invocable_v<F&, S&>) return f(state);
  else return std::apply(f, state);
}
template <class T>
T slice_leaves(const T& xs, std::int64_t i) {
  Leaves slices = leaves_in(xs);
  for (Tensor& x : slices) x = x[i];
  return with_leaves(xs, slices);
}
Leaves stack_leaves(std::vector<Leaves>& turns, bool reverse);

}  // namespace detail

namespace detail {

template <class First, class... Rest>
auto choose(const char* operation, const TensorOperand& which, First& first, Rest&... rest) {
  using R = StagedType<std::invoke_result_t<First&>>;
  static_assert(
      (std::is_same_v<R, StagedType<std::invoke_result_t<Rest&>>> && ...), "the branches must give the same type");
  const Where where = which.where();
  const Tensor index = which.tensor();
  std::optional<R> out;
  if (is_tracing(where) && index.is_symbolic()) {
    const auto traced = [&](auto& branch) -> std::function<PartResult()> {
      return [&] {
        out.emplace(branch());
        return part_result(*out);
      };
    };
    if (const auto results = stage_branches(operation, index, {traced(first), traced(rest)...}, where))
      return with_leaves(std::move(*out), *results);
  }
  std::int64_t i = branch_number(operation, index, 1 + sizeof...(Rest), where);
  const auto run = [&](auto& branch) {
    if (i-- == 0) out.emplace(branch());
  };
  run(first), (run(rest), ...);
  return std::move(*out);
}

}  // namespace detail

/// The branch number `index` (0, 1, …) of several; the last one for a number out of range. All give one type; inside a
/// trace the same structure and dtypes, else a UsageError that shows both. Sizes that differ become unknown.
/// Gradients: eagerly a source that only another branch uses is unconnected; a compiled function cannot know which branch
/// will be taken, so that there its gradient is zeros.
template <class First, class... Rest>
auto switch_case(TensorOperand index, First&& first, Rest&&... rest) {
  return detail::choose("switch_case", index, first, rest...);
}

/// `then()` where the one-element tensor is true, else `otherwise()`: the rules of switch_case.
template <class Then, class Else>
auto cond(TensorOperand predicate, Then&& then, Else&& otherwise) {
  return detail::choose("cond", predicate, otherwise, then);
}

/// Runs `state = body(state)` while `condition(state)` is true; gives the last state. The state is a tensor or any
/// structure of them; those who take a tuple may take its elements instead. Inside a trace the state keeps its structure
/// and dtypes, and its shapes but for what `shape_invariants` leaves open, else a UsageError that shows both.
template <class C, class B, class S>
auto while_loop(C&& condition, B&& body, S initial, const WhileOptions& options = {}, Where where = Where::current()) {
  using State = detail::StagedType<S>;
  State state(std::move(initial));
  const auto staged = [&] {
    return detail::stage_while(
        [&](const detail::Leaves& leaves) -> Tensor {
          State at = detail::with_leaves(state, leaves);
          return detail::call_with(condition, at);
        },
        [&](const detail::Leaves& leaves) {
          State at = detail::with_leaves(state, leaves);
          State next(detail::call_with(body, at));
          return detail::part_result(next);
        },
        detail::part_result(state), options, where);
  };
  if (detail::is_tracing(where))
    if (const auto results = staged()) return detail::with_leaves(std::move(state), *results);
  std::int64_t turn = 0;
  for (; turn != options.maximum_iterations && detail::goes_on(detail::call_with(condition, state)); ++turn)
    state = State(detail::call_with(body, state));
  if (turn || !detail::is_recorded()) return state;
  return detail::with_leaves(state, *staged());
}

namespace detail {

template <class F, class S, class X>
auto scan_slices(const char* operation, F& f, S initial, const X& xs, const ScanOptions& options, Where where) {
  using State = StagedType<S>;
  using Out = std::decay_t<std::invoke_result_t<F&, State&, X&>>;
  constexpr bool state_only = std::is_same_v<StagedType<Out>, State>;
  const auto turn = [&](State& state, const X& x) {
    if constexpr (state_only) {
      State next(f(state, x));
      return std::pair<State, State>{next, next};
    } else {
      auto [next, y] = f(state, x);
      return std::pair<State, StagedType<decltype(y)>>{State(std::move(next)), std::move(y)};
    }
  };
  using Y = typename decltype(turn(std::declval<State&>(), xs))::second_type;
  State state(std::move(initial));
  std::optional<Y> structure;
  Leaves ys;
  std::int64_t length = is_tracing(where) ? 0 : scan_length(operation, leaves_in(xs));
  if (length == 0) {
    std::size_t count = 0;
    const auto staged = stage_scan(
        operation,
        [&](const Leaves& leaves, const Leaves& slices) {
          State at = with_leaves(state, leaves);
          auto [next, y] = turn(at, with_leaves(xs, slices));
          structure.emplace(y);
          PartResult result = part_result(next);
          for (Tensor& tensor : leaves_in(std::move(y))) result.tensors.push_back(std::move(tensor));
          return result;
        },
        part_result(state), leaves_in(xs), count, options, where);
    if (staged) {
      const auto stacks = staged->begin() + static_cast<std::ptrdiff_t>(count);
      state = with_leaves(std::move(state), {staged->begin(), stacks});
      ys.assign(stacks, staged->end());
    } else {
      length = unstaged_length(operation, leaves_in(xs));
    }
  }
  if (length > 0) {
    std::vector<Leaves> turns;
    for (std::int64_t i = 0; i < length; ++i) {
      auto [next, y] = turn(state, slice_leaves(xs, options.reverse ? length - 1 - i : i));
      state = std::move(next);
      turns.push_back(leaves_in(y));
      structure.emplace(std::move(y));
    }
    ys = stack_leaves(turns, options.reverse);
  }
  Y stacked = with_leaves(std::move(*structure), ys);
  if constexpr (state_only) return stacked;
  else return std::pair<State, Y>{std::move(state), std::move(stacked)};
}

}  // namespace detail

/// For each slice x of the first axis of `xs` (a tensor or a structure of them): `(state, y) = f(state, x)`. Gives the last
/// state and the stacked ys. An f that gives the state alone gives it as y too, and scan the stacked states alone.
template <class F, class S, class X>
auto scan(F&& f, S initial, const X& xs, const ScanOptions& options = {}, Where where = Where::current()) {
  return detail::scan_slices("scan", f, std::move(initial), xs, options, where);
}

/// f of each slice of the first axis of `xs`, stacked.
template <class F, class X>
auto map_fn(F&& f, const X& xs, Where where = Where::current()) {
  const auto turn = [&](const Tensor& none, const X& x) { return std::pair{none, f(x)}; };
  return detail::scan_slices("map_fn", turn, Tensor(0), xs, {}, where).second;
}

}  // namespace keen
