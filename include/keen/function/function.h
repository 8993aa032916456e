// function: turns a callable over tensors into one that is traced once a signature and then replayed.
#pragma once
#include <functional>

#include "keen/function/concrete_function.h"
#include "keen/function/tensor_spec.h"

namespace keen {

struct FunctionOptions {
  std::vector<TensorSpec> input_signature = {};  ///< of the tensor arguments, in order: then there is one trace for all
  bool reduce_retracing = false;  ///< a second shape makes a trace for unknown sizes, which then serves them all
  std::string name = {};
};

/// Calls the callables behind functions directly, without traces: for debugging. Off at first.
void run_functions_eagerly(bool on);
bool functions_run_eagerly();
/// Measures the steps of compiled functions from now on, so that explain() shows the mean time of each; a step then costs
/// some 50 ns more. Off at first.
void time_functions(bool on);
/// Logs a line for each kernel that a function asks for: its name in the kernel cache, its size, and whether it was
/// compiled, read from the disk (in how many milliseconds) or there already. KEEN_LOG_KERNELS=1 turns it on from the start.
void log_kernels(bool on);

namespace detail {

/// The traces of one function; what is the same for every callable.
class FunctionCore {
 public:
  /// Runs the callable on symbolic arguments.
  using Body = std::function<Traced(const std::vector<Tensor>& arguments)>;

  explicit FunctionCore(FunctionOptions options);
  ~FunctionCore();
  /// Should a call go to the callable itself? Inside another trace (which then takes up its operations), or on request.
  bool calls_directly() const;
  /// Do signatures tell tensors apart by their forms? Not with an input_signature.
  bool reads_forms() const;
  /// Do the arguments of a call that goes to the callable itself fit the input_signature, as far as a trace knows?
  void check(const Signature& signature) const;
  /// Replays the trace of the signature, made now if it is the first of its kind.
  Traced call(const Signature& signature, const Body& body);
  ConcreteCore concrete(const Signature& signature, Body body);
  std::string graph() const;
  std::string dot() const;
  std::string explain() const;
  std::vector<std::string> kernel_ir() const;
  int trace_count() const;

 private:
  struct State;
  template <class Show>
  auto shown(Show&& show) const;
  std::unique_ptr<State> state_;
};

/// A tensor that stands for any of a spec, to trace with.
Tensor placeholder(const TensorSpec& spec);

/// An argument as the parameter it is for.
template <class P, class A>
P as_parameter(A&& argument) {
  if constexpr (std::is_same_v<std::decay_t<A>, TensorSpec>) return placeholder(argument);
  else return P(std::forward<A>(argument));
}
template <class A>
using ArgumentOf = std::conditional_t<std::is_same_v<std::decay_t<A>, TensorSpec>, Tensor, std::decay_t<A>>;

template <class... P>
struct Parameters {};
/// A parameter as the function stores its argument: `function(relu)` takes tensors.
template <class P>
using ParameterOf = std::conditional_t<std::is_same_v<std::decay_t<P>, TensorOperand>, Tensor, std::decay_t<P>>;
/// The parameter types of a callable; void where it is generic.
template <class F>
struct ParametersOf {
  using type = void;
};
template <class R, class... P>
struct ParametersOf<R (*)(P...)> {
  using type = Parameters<ParameterOf<P>...>;
};
template <class M>
struct ParametersOfMember;
template <class C, class R, class... P>
struct ParametersOfMember<R (C::*)(P...)> {
  using type = Parameters<ParameterOf<P>...>;
};
template <class C, class R, class... P>
struct ParametersOfMember<R (C::*)(P...) const> : ParametersOfMember<R (C::*)(P...)> {};
template <class C, class R, class... P>
struct ParametersOfMember<R (C::*)(P...) noexcept> : ParametersOfMember<R (C::*)(P...)> {};
template <class C, class R, class... P>
struct ParametersOfMember<R (C::*)(P...) const noexcept> : ParametersOfMember<R (C::*)(P...)> {};
template <class F>
requires requires { &F::operator(); }
struct ParametersOf<F> {
  using type = typename ParametersOfMember<decltype(&F::operator())>::type;
};

template <class F>
class FunctionBase {
 public:
  FunctionBase(F callable, FunctionOptions options)
      : state_(std::make_shared<State>(std::move(callable), std::move(options))) {}

  /// The graph of the only or last trace, as text: bodies of branches and loops indented below them, and where the host
  /// decides by a tensor, each segment with the answers that lead to it.
  std::string graph() const { return state_->core.graph(); }
  /// The same for Graphviz: `dot -Tsvg` draws it.
  std::string dot() const { return state_->core.dot(); }
  /// What was traced for the only or last signature, and what was pruned; the operations before and after each pass; the
  /// steps that run, with what is fused into which kernel (`%5` is a value of graph()) and, under time_functions(true),
  /// the mean time of each.
  std::string explain() const { return state_->core.explain(); }
  /// The LLVM IR of each fused kernel, in the order of explain(); none where no kernels are compiled.
  std::vector<std::string> kernel_ir() const { return state_->core.kernel_ir(); }
  /// How many traces there are.
  int trace_count() const { return state_->core.trace_count(); }

 protected:
  template <class... T>
  using Result = std::decay_t<std::invoke_result_t<F&, T&...>>;

  template <class... T>
  Result<T...> call(std::tuple<T...> arguments) const {
    using R = Result<T...>;
    FunctionCore& core = state_->core;
    const bool directly = core.calls_directly();
    Signature signature(core.reads_forms());
    if (!directly || !core.reads_forms())
      std::apply([&](const T&... a) { (signature.argument(a), ...); }, std::as_const(arguments));
    if (directly) {
      core.check(signature);
      return static_cast<R>(std::apply(state_->callable, arguments));
    }
    const auto traced =
        core.call(signature, [this, &arguments](const auto& tensors) { return this->run(arguments, tensors); });
    if constexpr (!std::is_void_v<R>) {
      R out = *static_cast<const R*>(traced.structure.get());
      PutResults put(traced.results);
      visit_leaves(out, put);
      return out;
    }
  }

  template <class... T>
  ConcreteFunction<Result<T...>> concrete(const std::tuple<T...>& arguments) const {
    Signature signature(state_->core.reads_forms());
    std::apply([&](const T&... a) { (signature.argument(a), ...); }, arguments);
    return ConcreteFunction<Result<T...>>(state_->core.concrete(
        signature, [self = *this, arguments](const auto& tensors) { return self.run(arguments, tensors); }));
  }

 private:
  struct State {
    State(F f, FunctionOptions options) : callable(std::move(f)), core(std::move(options)) {}
    F callable;
    FunctionCore core;
  };

  /// Calls the callable with tensors in the place of its arguments' own.
  template <class... T>
  Traced run(std::tuple<T...> arguments, const std::vector<Tensor>& tensors) const {
    ReplaceArguments replace(tensors, state_->core.reads_forms());
    visit_leaves(arguments, replace);
    if constexpr (std::is_void_v<Result<T...>>) {
      std::apply(state_->callable, arguments);
      return {};
    } else {
      auto structure = std::make_shared<Result<T...>>(std::apply(state_->callable, arguments));
      TakeResults take;
      visit_leaves(*structure, take);
      return {std::move(take.tensors), std::move(structure)};
    }
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
  /// The trace for these arguments, made now if need be. A TensorSpec may stand for a tensor: then there is a trace for
  /// all that fit it, which also serves calls of the function.
  template <class... A>
  requires(sizeof...(A) == sizeof...(P)) auto get_concrete_function(A&&... arguments) const {
    return this->concrete(std::tuple<P...>(detail::as_parameter<P>(std::forward<A>(arguments))...));
  }
  /// The graph for these arguments, traced now if need be.
  std::string graph(P... arguments) const requires(sizeof...(P) > 0) {
    return this->concrete(std::tuple<P...>(std::move(arguments)...)).graph();
  }
};

/// Of a generic callable: arguments stay what they are.
template <class F>
class Function<F, void> : public detail::FunctionBase<F> {
 public:
  using detail::FunctionBase<F>::FunctionBase;
  using detail::FunctionBase<F>::graph;
  template <class... A>
  auto operator()(A&&... arguments) const {
    return this->call(std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...));
  }
  template <class... A>
  auto get_concrete_function(A&&... arguments) const {
    using Arguments = std::tuple<detail::ArgumentOf<A>...>;
    return this->concrete(Arguments(detail::as_parameter<detail::ArgumentOf<A>>(std::forward<A>(arguments))...));
  }
  template <class... A>
  requires(sizeof...(A) > 0) std::string graph(A&&... arguments)
  const { return this->concrete(std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...)).graph(); }
};

/// Traces `callable` at the first call with each signature (dtypes, shapes and devices of tensors, identities of
/// variables, values of everything else), prunes what neither results nor effects need, and from then on replays the
/// graph. What the callable does besides tensor operations happens while tracing only; it may create variables while its
/// first call is traced. An argument that does not fit input_signature is a ShapeError or DTypeError; a tensor that
/// escapes its trace is a UsageError when used. Errors bear the eager text and the user's line, those of replays too. A
/// call that fails leaves variables as they were, and generators where they were, unless others have drawn meanwhile.
/// Numbers are told apart by what may be computed from them: 0.0 and -0.0 have a trace each, all NaNs together one.
template <class F>
auto function(F callable, FunctionOptions options = {}) {
  return Function<F>(std::move(callable), std::move(options));
}

}  // namespace keen
