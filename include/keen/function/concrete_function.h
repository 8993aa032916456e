// ConcreteFunction: one trace of a function, which can be cut down to what some of its values need.
#pragma once
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "keen/function/signature.h"

namespace keen {
namespace detail {

struct Trace;

/// What a call gives: its tensors, and the structure they stood in.
struct Traced {
  std::vector<Tensor> results;
  std::shared_ptr<const void> structure;
};

/// What is the same for every concrete function.
class ConcreteCore {
 public:
  /// `follow` runs a trace whose course depends on values of tensors.
  using Follow = std::function<Traced(std::vector<Tensor> arguments)>;
  ConcreteCore(std::string name, std::shared_ptr<const Trace> trace, Follow follow = {});
  /// A number among the arguments becomes a tensor where the trace has one.
  Traced call(const Signature& arguments) const;
  ConcreteCore pruned(const std::vector<std::string>& fetches, const std::vector<std::string>& feeds) const;
  std::string graph() const;
  std::string dot() const;
  std::string explain() const;
  std::vector<std::string> kernel_ir() const;

 private:
  std::string name_;
  std::shared_ptr<const Trace> trace_;
  Follow follow_;
};

}  // namespace detail

/// One trace: no signature is looked up when it is called, arguments must fit the one it was made for. Copies share it.
template <class R>
class ConcreteFunction {
 public:
  explicit ConcreteFunction(detail::ConcreteCore core) : core_(std::move(core)) {}

  /// Takes what the function takes; after `prune` with feeds, one tensor a feed.
  template <class... A>
  R operator()(const A&... arguments) const {
    detail::Signature signature;
    (signature.argument(arguments), ...);
    const detail::Traced traced = core_.call(signature);
    if constexpr (!std::is_void_v<R>) {
      const R* structure = static_cast<const R*>(traced.structure.get());
      R out = structure ? *structure : sized(traced.results.size());
      detail::PutResults put(traced.results);
      detail::visit_leaves(out, put);
      return out;
    }
  }

  /// The function that computes just the tensors called `fetches` (see `named`), from the same arguments, or from the
  /// tensors called `feeds` instead. Variable writes happen only where a fetched value depends on them. An unknown name
  /// is a UsageError that lists the known ones.
  ConcreteFunction<Tensor> prune(const char* const (&fetches)[1], const std::vector<std::string>& feeds = {}) const {
    return ConcreteFunction<Tensor>(core_.pruned({fetches[0]}, feeds));
  }
  template <std::size_t N>
  ConcreteFunction<std::array<Tensor, N>> prune(
      const char* const (&fetches)[N], const std::vector<std::string>& feeds = {}) const {
    return ConcreteFunction<std::array<Tensor, N>>(core_.pruned({fetches, fetches + N}, feeds));
  }
  /// A vector of names: a vector of tensors.
  ConcreteFunction<std::vector<Tensor>> prune(
      const std::vector<std::string>& fetches, const std::vector<std::string>& feeds = {}) const {
    return ConcreteFunction<std::vector<Tensor>>(core_.pruned(fetches, feeds));
  }

  // What there is to see, as of Function.
  std::string graph() const { return core_.graph(); }
  std::string dot() const { return core_.dot(); }
  std::string explain() const { return core_.explain(); }
  std::vector<std::string> kernel_ir() const { return core_.kernel_ir(); }

 private:
  static R sized(std::size_t n) {
    if constexpr (std::is_same_v<R, std::vector<Tensor>>) return R(n);
    else return R{};
  }
  detail::ConcreteCore core_;
};

}  // namespace keen
