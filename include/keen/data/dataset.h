// Dataset: a stream of elements of N tensors, described step by step and run when a `for` asks for it.
#pragma once
#include <array>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "keen/function/carry.h"

namespace keen {

namespace detail {
/// The tensors of one element.
using Element = std::vector<Tensor>;
class DataSource;
class DataStream;
/// A type-erased dataset.
using DataHandle = std::shared_ptr<const DataSource>;

/// One pass over a dataset; ends its threads when it goes.
class DataCursor {
 public:
  explicit DataCursor(const DataHandle& source);
  DataCursor(DataCursor&&) noexcept;
  DataCursor& operator=(DataCursor&&) noexcept;
  ~DataCursor();
  /// Fills `tensors` with the next element; false at the end.
  bool next(std::span<Tensor> tensors);

 private:
  std::unique_ptr<DataStream> stream_;
};

DataHandle slice_source(std::vector<Tensor> tensors);
DataHandle shuffle_source(DataHandle from, std::int64_t buffer, std::optional<std::uint64_t> seed, bool reshuffle);
DataHandle batch_source(DataHandle from, std::int64_t size, bool drop_remainder);
DataHandle map_source(DataHandle from, std::function<Element(const Element&)> f);
DataHandle take_source(DataHandle from, std::int64_t count);
DataHandle skip_source(DataHandle from, std::int64_t count);
DataHandle repeat_source(DataHandle from, std::int64_t count);
DataHandle prefetch_source(DataHandle from, std::int64_t depth);
std::int64_t size_of(const DataSource& source);
/// A dataset as a trace can walk it: the same elements in the same order at every call.
struct StagedData {
  std::vector<Tensor> rows;                                  // elements, along the first axis
  Element last;                                              // one more, of other sizes; empty: none
  std::int64_t passes = 1;                                   // over all of these
  std::vector<std::function<Element(const Element&)>> maps;  // what becomes of each
  /// The element of a slice; tapes do not see how it is made, as outside of traces.
  Element element(Element slice) const;
};
/// Throws UsageError for one that is not such.
StagedData stage_data(const DataSource& source);
[[noreturn]] void fail_on_host_state();
/// How the result of a mapped function comes apart: a std::array, tuple or pair of tensors, or one tensor.
template <class T>
struct Pack {
  static constexpr std::size_t size = std::tuple_size_v<T>;
  static Element unpack(T result) {
    return std::apply([](auto&... t) { return Element{Tensor(std::move(t))...}; }, result);
  }
};
template <>
struct Pack<Tensor> {
  static constexpr std::size_t size = 1;
  static Element unpack(Tensor result) { return {std::move(result)}; }
};
}  // namespace detail

namespace data {

/// Answers of Dataset::size that are no count.
inline constexpr std::int64_t infinite = -1, unknown_size = -2;

struct ShuffleOptions {
  std::optional<std::uint64_t> seed = {};  ///< absent: drawn from the process's generator
  bool reshuffle_each_iteration = true;    ///< another order each pass
};
struct BatchOptions {
  bool drop_remainder = false;  ///< leave out a last batch that is not full
};

/// What an element of N tensors is: the tensor itself, or an array that structured bindings take apart.
template <std::size_t N>
using ElementOf = std::conditional_t<N == 1, Tensor, std::array<Tensor, N>>;

/// A shared handle to a description of data; every `for` over it starts a new pass. What steps throw, also in a
/// prefetching thread, comes out of the loop.
///
///     for (auto [x, y] : digits.train.shuffle(4000).batch(64).prefetch(2)) …
template <std::size_t N>
class Dataset {
 public:
  explicit Dataset(detail::DataHandle source) noexcept : source_(std::move(source)) {}

  /// Elements in random order: each is drawn from the next `buffer` ones. A buffer of the dataset's size shuffles
  /// evenly.
  Dataset shuffle(std::int64_t buffer, const ShuffleOptions& options = {}) const {
    return Dataset(detail::shuffle_source(source_, buffer, options.seed, options.reshuffle_each_iteration));
  }
  /// `size` consecutive elements stacked along a new first dimension; the last batch may be smaller.
  Dataset batch(std::int64_t size, const BatchOptions& options = {}) const {
    return Dataset(detail::batch_source(source_, size, options.drop_remainder));
  }
  Dataset take(std::int64_t count) const { return Dataset(detail::take_source(source_, count)); }
  Dataset skip(std::int64_t count) const { return Dataset(detail::skip_source(source_, count)); }
  /// `count` passes, for ever with -1.
  Dataset repeat(std::int64_t count = -1) const { return Dataset(detail::repeat_source(source_, count)); }
  /// Makes up to `depth` elements ahead in a thread of its own, which ends with the loop.
  Dataset prefetch(std::int64_t depth) const { return Dataset(detail::prefetch_source(source_, depth)); }
  /// f(tensors…) gives a tensor, or a std::array, tuple or pair of them.
  template <class F>
  auto map(F f) const {
    return map_elements(std::move(f), std::make_index_sequence<N>());
  }

  /// `state = f(state, element)` for every element, from `state` on; gives the last state. A number becomes a tensor where
  /// f gives one. An f that is a compiled function is traced once. Inside a trace it is one loop, whose state is tensors,
  /// over a dataset that is the same at every call: slices of tensors, batch, take, skip and prefetch of them, then map
  /// and repeat. Others (shuffle, files, generators, batches of what a map gave) are a UsageError there.
  template <class S, class F>
  auto reduce(S state, F f, Where where = Where::current()) const {
    using Given = std::decay_t<std::invoke_result_t<F&, S, ElementOf<N>>>;
    using State = std::conditional_t<std::is_arithmetic_v<S> && !std::is_arithmetic_v<Given>, Tensor, S>;
    if (!detail::is_tracing(where)) {
      State at(std::move(state));
      for (auto it = begin(); it != end(); ++it) at = State(f(std::move(at), *it));
      return at;
    }
    if constexpr (std::is_same_v<detail::StagedType<State>, State>) {
      return staged_reduce(State(std::move(state)), f, where);
    } else {
      detail::fail_on_host_state();
      return State(std::move(state));
    }
  }

  /// The number of elements, `data::infinite` or `data::unknown_size`.
  std::int64_t size() const { return detail::size_of(*source_); }

  class Iterator {
   public:
    using value_type = ElementOf<N>;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const detail::DataHandle& source) : cursor_(source) { ++*this; }
    ElementOf<N> operator*() const {
      if constexpr (N == 1) return tensors_[0];
      else return tensors_;
    }
    Iterator& operator++() {
      more_ = cursor_.next(tensors_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !more_; }

   private:
    detail::DataCursor cursor_;
    std::array<Tensor, N> tensors_;
    bool more_ = true;
  };
  Iterator begin() const { return Iterator(source_); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  template <class F, std::size_t... I>
  auto map_elements(F f, std::index_sequence<I...>) const {
    using Result = std::decay_t<decltype(f(std::declval<const detail::Element&>()[I]...))>;
    using Packed = detail::Pack<std::conditional_t<std::is_convertible_v<Result, Tensor>, Tensor, Result>>;
    return Dataset<Packed::size>(detail::map_source(
        source_, [f = std::move(f)](const detail::Element& e) mutable { return Packed::unpack(f(e[I]...)); }));
  }

  template <class State, class F>
  State staged_reduce(State state, F& f, Where where) const {
    const detail::StagedData data = detail::stage_data(*source_);
    const auto turn = [&](State at, const detail::Element& slice) {
      detail::Element tensors = data.element(slice);
      ElementOf<N> element;
      if constexpr (N == 1) element = std::move(tensors[0]);
      else std::move(tensors.begin(), tensors.end(), element.begin());
      return State(f(std::move(at), std::move(element)));
    };
    const auto pass = [&](State at) {
      if (data.rows[0].shape().raw(0))
        at = scan(
                 [&](const State& s, const detail::Element& x) {
                   return std::pair{turn(s, x), std::tuple<>()};
                 },
                 std::move(at), data.rows, {}, where)
                 .first;
      if (data.last.empty()) return at;
      if (data.last[0].dim(0).is_known()) return turn(std::move(at), data.last);
      return State(cond(
          Tensor(data.last[0].dim(0)), [&] { return turn(at, data.last); }, [&] { return at; }));
    };
    if (data.passes == 1) return pass(std::move(state));
    for ([[maybe_unused]] Tensor number : range(data.passes, carry(state), where)) state = pass(std::move(state));
    return state;
  }

  detail::DataHandle source_;
};

/// The slices of tensors along their first dimensions, which must agree: element i is (tensors[i]…).
template <std::convertible_to<Tensor>... T>
Dataset<sizeof...(T)> from_tensor_slices(const T&... tensors) {
  return Dataset<sizeof...(T)>(detail::slice_source({Tensor(tensors)...}));
}

}  // namespace data
}  // namespace keen
