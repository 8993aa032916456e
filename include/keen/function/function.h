// function: turns a callable over tensors into one that is traced once a signature and then replayed.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keen/function/structure.h"
#include "keen/function/tensor_spec.h"

namespace keen {

struct FunctionOptions {
  std::vector<TensorSpec> input_signature = {};  ///< of the tensor arguments, in order: then there is one trace for all
  std::string name = {};
};

/// Calls the callables behind functions directly, without traces: for debugging. Off at first.
void run_functions_eagerly(bool on);
bool functions_run_eagerly();

namespace detail {

/// The traces of one function; what is the same for every callable.
class FunctionCore {
 public:
  /// Runs the callable on symbolic arguments, gives its tensors, and the structure they came in.
  struct Traced {
    std::vector<Tensor> results;
    std::shared_ptr<const void> structure;
  };
  using Body = std::function<Traced(const std::vector<Tensor>& arguments)>;

  explicit FunctionCore(FunctionOptions options);
  ~FunctionCore();
  /// Should a call go to the callable itself? Inside another trace (which then takes up its operations), or on request.
  bool calls_directly() const;
  /// Replays the trace of the signature, made now if it is the first of its kind.
  Traced call(const Signature& signature, const Body& body);
  std::string graph(const Signature& signature, const Body& body);
  std::string graph() const;
  int trace_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <class... P>
struct Parameters {};
/// The parameter types of a callable; void where it is generic.
template <class F>
struct ParametersOf { using type = void; };
template <class R, class... P>
struct ParametersOf<R (*)(P...)> { using type = Parameters<std::decay_t<P>...>; };
template <class M>
struct ParametersOfMember;
#define KEEN_MEMBER(qualifiers)                                      \
  template <class C, class R, class... P>                            \
  struct ParametersOfMember<R (C::*)(P...) qualifiers> {             \
    using type = Parameters<std::decay_t<P>...>;                     \
  };
KEEN_MEMBER() KEEN_MEMBER(const) KEEN_MEMBER(noexcept) KEEN_MEMBER(const noexcept)
#undef KEEN_MEMBER
template <class F>
  requires requires { &F::operator(); }
struct ParametersOf<F> { using type = typename ParametersOfMember<decltype(&F::operator())>::type; };

template <class F>
class FunctionBase {
 public:
  FunctionBase(F callable, FunctionOptions options)
      : state_(std::make_shared<State>(std::move(callable), std::move(options))) {}

  /// The graph of the only or last trace, as text.
  std::string graph() const { return state_->core.graph(); }
  /// How many traces there are.
  int trace_count() const { return state_->core.trace_count(); }

 protected:
  template <class... T>
  auto call(std::tuple<T...> arguments) const {
    using R = std::decay_t<std::invoke_result_t<F&, T&...>>;
    if (state_->core.calls_directly()) return static_cast<R>(std::apply(state_->callable, arguments));
    Signature signature;
    visit_leaves(std::as_const(arguments), signature);
    auto [results, structure] = state_->core.call(signature, body<R>(arguments));
    if constexpr (!std::is_void_v<R>) {
      R out = *static_cast<const R*>(structure.get());
      ReplaceTensors replace(results);
      visit_leaves(out, replace);
      return out;
    }
  }
  template <class... T>
  std::string graph_of(std::tuple<T...> arguments) const {
    using R = std::decay_t<std::invoke_result_t<F&, T&...>>;
    Signature signature;
    visit_leaves(std::as_const(arguments), signature);
    return state_->core.graph(signature, body<R>(arguments));
  }

 private:
  struct State {
    State(F f, FunctionOptions options) : callable(std::move(f)), core(std::move(options)) {}
    F callable;
    FunctionCore core;
  };

  template <class R, class Arguments>
  FunctionCore::Body body(const Arguments& arguments) const {
    return [this, &arguments](const std::vector<Tensor>& symbolic) -> FunctionCore::Traced {
      Arguments copy = arguments;
      ReplaceTensors replace(symbolic);
      visit_leaves(copy, replace);
      if constexpr (std::is_void_v<R>) {
        std::apply(state_->callable, copy);
        return {};
      } else {
        auto structure = std::make_shared<R>(std::apply(state_->callable, copy));
        TakeTensors take;
        visit_leaves(*structure, take);
        return {std::move(take.tensors), std::move(structure)};
      }
    };
  }

  std::shared_ptr<State> state_;
};

}  // namespace detail

/// A callable with its traces; copies share them. May be called from several threads.
template <class F, class P = typename detail::ParametersOf<F>::type>
class Function;

/// Of a callable with plain parameters: arguments convert to them, so that a Tensor parameter takes numbers too.
template <class F, class... P>
class Function<F, detail::Parameters<P...>> : public detail::FunctionBase<F> {
 public:
  using detail::FunctionBase<F>::FunctionBase;
  using detail::FunctionBase<F>::graph;
  auto operator()(P... arguments) const { return this->call(std::tuple<P...>(std::move(arguments)...)); }
  /// The graph for these arguments, traced now if need be.
  std::string graph(P... arguments) const requires(sizeof...(P) > 0) {
    return this->graph_of(std::tuple<P...>(std::move(arguments)...));
  }
};

/// Of a generic callable: arguments stay what they are.
template <class F>
class Function<F, void> : public detail::FunctionBase<F> {
 public:
  using detail::FunctionBase<F>::FunctionBase;
  using detail::FunctionBase<F>::graph;
  template <class... A>
  auto operator()(A&&... arguments) const { return this->call(std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...)); }
  template <class... A>
    requires(sizeof...(A) > 0)
  std::string graph(A&&... arguments) const { return this->graph_of(std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...)); }
};

/// Traces `callable` at the first call with each signature (dtypes, shapes and devices of tensors, values of everything
/// else), prunes what neither results nor effects need, and from then on replays the graph. What the callable does
/// besides tensor operations happens while tracing only. An argument that does not fit input_signature is a ShapeError
/// or DTypeError; a tensor that escapes its trace is a UsageError when used.
template <class F>
auto function(F callable, FunctionOptions options = {}) {
  return Function<F>(std::move(callable), std::move(options));
}

}  // namespace keen
