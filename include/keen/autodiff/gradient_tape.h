// GradientTape: records operations and differentiates them in reverse.
#pragma once
#include <array>
#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "keen/tensor.h"
#include "keen/variable.h"

namespace keen {

namespace detail {
class Tape;
}

struct TapeOptions {
  bool persistent = false;               ///< several gradient calls
  bool watch_accessed_variables = true;  ///< trainable variables are watched when read
};
/// What an unconnected source gets: an undefined tensor, or zeros.
enum class Unconnected { none, zero };
struct GradientOptions {
  /// Seeds, one a target, of its shape; absent: ones. Any floating dtype, cast to the target's.
  std::vector<Tensor> output_gradients = {};
  Unconnected unconnected = Unconnected::none;
};

/// What a gradient is taken with respect to: a tensor or a variable, by identity.
class Source {
 public:
  Source(const Tensor& t) : tensor_(t) {}
  Source(const Variable& v) : variable_(v) {}
  const Tensor& tensor() const noexcept { return tensor_; }
  const Variable& variable() const noexcept { return variable_; }

 private:
  Tensor tensor_;
  Variable variable_;
};

/// A vector of tensors, of variables, or of both mixed.
template <class L>
concept SourceList = std::same_as<L, std::vector<Tensor>> || std::same_as<L, std::vector<Variable>> ||
    std::same_as<L, std::vector<Source>>;

/// Records the operations of its thread on watched tensors from construction until stop(), the first gradient of a
/// non-persistent tape, or its end of life. Tapes nest, and may end in any order. A tape belongs to the thread that made
/// it, which must also end it; watching, pausing or asking from another is a UsageError.
class GradientTape {
 public:
  explicit GradientTape(TapeOptions options = {});
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  /// Watches tensors (floating; an integer tensor only warns) and variables.
  void watch(const Source& source, Where where = Where::current());
  void watch(std::initializer_list<Source> sources, Where where = Where::current()) {
    for (auto& s : sources) watch(s, where);
  }
  void watch(const std::vector<Tensor>& tensors, Where where = Where::current()) {
    for (auto& t : tensors) watch(Source(t), where);
  }
  void watch(const std::vector<Variable>& variables, Where where = Where::current()) {
    for (auto& v : variables) watch(Source(v), where);
  }
  void stop();
  /// Forgets everything recorded and watched; records again.
  void reset();
  std::vector<Variable> watched_variables() const;

  /// Pauses recording while the returned object lives; it may outlive the tape.
  class [[nodiscard]] Pause {
   public:
    explicit Pause(const std::shared_ptr<detail::Tape>& tape);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    std::weak_ptr<detail::Tape> tape_;
    bool was_recording_;
  };
  Pause stop_recording();

  /// d(Σ targets)/d(source), with the structure of the sources: a tensor for one, an array for a braced list (also of
  /// one: `auto [g] = tape.gradient(y, {x})`), a vector for a vector. Throws UsageError on a spent tape.
  template <std::convertible_to<Source> S>
  Tensor gradient(
      const Tensor& target, const S& source, const GradientOptions& options = {}, Where where = Where::current()) {
    return gradient_of(target, source, options, where);
  }
  template <std::size_t N>
  std::array<Tensor, N> gradient(
      const Tensor& target, const Source (&sources)[N], const GradientOptions& options = {},
      Where where = Where::current()) {
    std::array<Tensor, N> out;
    compute({&target, 1}, sources, out, options, where);
    return out;
  }
  /// A vector of tensors or of variables. (A template, so that a braced list prefers the array above.)
  template <SourceList L>
  std::vector<Tensor> gradient(
      const Tensor& target, const L& sources, const GradientOptions& options = {}, Where where = Where::current()) {
    return gradient_of({&target, 1}, {sources.begin(), sources.end()}, options, where);
  }
  /// Several targets: their gradients add.
  Tensor gradient(
      const std::vector<Tensor>& targets, const Source& source, const GradientOptions& options = {},
      Where where = Where::current());
  template <SourceList L>
  std::vector<Tensor> gradient(
      const std::vector<Tensor>& targets, const L& sources, const GradientOptions& options = {},
      Where where = Where::current()) {
    return gradient_of(targets, {sources.begin(), sources.end()}, options, where);
  }

 private:
  Tensor gradient_of(const Tensor& target, const Source& source, const GradientOptions& options, Where where);
  std::vector<Tensor> gradient_of(
      std::span<const Tensor> targets, const std::vector<Source>& sources, const GradientOptions& options, Where where);
  void compute(
      std::span<const Tensor> targets, std::span<const Source> sources, std::span<Tensor> out,
      const GradientOptions& options, Where where);
  std::shared_ptr<detail::Tape> tape_;
};

}  // namespace keen
