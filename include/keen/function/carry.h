// range(n, carry(…)): a `for` that is one operation inside a compiled function, its body traced once.
#pragma once
#include "keen/function/control_flow.h"

namespace keen {

namespace detail {

/// The named tensors of a staged `for`: read before and set after each turn.
class Carried {
 public:
  virtual ~Carried() = default;
  virtual PartResult get() = 0;
  virtual void set(const Leaves& tensors) = 0;
  /// Keeps what they hold, and gives it to them again.
  virtual void remember() = 0;
  virtual void restore() = 0;
};
template <class... T>
class CarriedReferences final : public Carried {
 public:
  explicit CarriedReferences(T&... values) : values_(values...) {}
  PartResult get() override {
    std::tuple<T...> copy = values_;
    return part_result(copy);
  }
  void set(const Leaves& tensors) override {
    PutTensors put(tensors);
    visit_leaves(values_, put);
  }
  void remember() override { before_.emplace(values_); }
  void restore() override { values_ = *before_; }

 private:
  std::tuple<T&...> values_;
  std::optional<std::tuple<T...>> before_;
};

/// What `carry` gives: a type of its own, so that no number or null pointer is taken for it.
struct CarriedTensors {
  std::unique_ptr<Carried> tensors;
};

/// A `for` over 0 … n-1.
class StagedRange {
 public:
  StagedRange(const Tensor& count, std::unique_ptr<Carried> carried, Where where);
  StagedRange(std::int64_t count, std::unique_ptr<Carried> carried, Where where);
  ~StagedRange();
  class Iterator {
   public:
    Tensor operator*() const { return range_->current(); }
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return range_->is_over(); }

   private:
    friend StagedRange;
    explicit Iterator(StagedRange& range) : range_(&range) {}
    StagedRange* range_;
  };
  Iterator begin();
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct State;
  Tensor current() const;
  void advance();
  bool is_over() const;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// What a loop over `range(n, carry(…))` carries from turn to turn: variables that hold tensors or structures of them.
template <class... T>
detail::CarriedTensors carry(T&... values) {
  return {std::make_unique<detail::CarriedReferences<T...>>(values...)};
}

/// `for (Tensor t : range(n, carry(a, b))) …`: t is 0, 1, … n−1, and each turn may set a and b anew. Eagerly it simply
/// runs. Inside a compiled function the body is traced once and becomes one loop, in which a and b keep their structure,
/// dtypes and shapes; the body sets no other variables of the program, and leaving it by break or return is a UsageError.
/// An exception that leaves it, and that the program catches, takes the loop out of the trace; a and b are as before it.
/// If the body asks a tensor for its value, the callable is run again, and the host takes the turns (with a warning), with
/// break and return. What only the body uses has no gradient if n is 0; compiled, with a tensor for n, it has zeros.
inline detail::StagedRange range(std::int64_t n, detail::CarriedTensors carried, Where where = Where::current()) {
  return {n < 0 ? 0 : n, std::move(carried.tensors), where};
}
inline detail::StagedRange range(Size n, detail::CarriedTensors carried, Where where = Where::current()) {
  return {n.symbol(), std::move(carried.tensors), where};
}
inline detail::StagedRange range(const Tensor& n, detail::CarriedTensors carried, Where where = Where::current()) {
  return {n, std::move(carried.tensors), where};
}

}  // namespace keen
