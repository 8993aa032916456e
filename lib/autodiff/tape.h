// Tape: the observer behind a GradientTape. Entries lie in flat storage: no object a recorded operation, no recursion
// when they are walked or dropped.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "autodiff/identity_map.h"
#include "core/context.h"
#include "core/variable_state.h"
#include "keen/autodiff/gradient_tape.h"

namespace keen::detail {

class Tape final : public Observer {
 public:
  explicit Tape(TapeOptions options);
  ~Tape();
  /// Ends a tape. One that hangs in a list of observers which is put aside (in the body of a custom gradient, in a
  /// trace) lives on there, deaf, until the list is back.
  static void end(std::shared_ptr<Tape> tape) noexcept;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  void observe(
      const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const Tensor> outputs) override;
  void observe_read(const std::shared_ptr<VariableState>& variable, const Tensor& value) override;
  bool follows(const TensorImpl& tensor) const noexcept override {
    return recording_ && records_.nodes_of_ids.find(tensor.id) != none;
  }

  /// Throws UsageError unless the calling thread made this tape.
  void check_owner(const char* operation) const;
  bool is_owner() const noexcept { return owner_ == &thread_context; }
  void watch(const Source& source);
  void start() noexcept;
  void stop() noexcept;
  bool recording() const noexcept { return recording_; }
  void reset();
  std::vector<std::shared_ptr<VariableState>> variables() const { return records_.variables; }

  void gradient(
      std::span<const Tensor> targets, std::span<const Source> sources, std::span<Tensor> out,
      const GradientOptions& options);

 private:
  friend class EntryGradient;
  static constexpr std::int32_t none = IdentityMap::absent;

  // A watched tensor or a recorded result.
  struct Node {
    DType dtype;
    Device device;
    Shape shape;
  };
  // A recorded operation; its inputs' nodes, saved tensors and attributes lie in the vectors below, from these places on
  // and up to those of the next entry.
  struct Entry {
    const Op* op;
    std::uint32_t inputs, saved, attributes;
    std::int32_t first_output;  // outputs have consecutive nodes
    std::uint32_t input_count, output_count;
    std::uint16_t attribute_count;
    SaveMask saves;
  };

  // What is recorded, in flat storage. A tape that ends leaves its memory to the thread's next one.
  struct Records {
    IdentityMap nodes_of_ids;
    std::unordered_map<const VariableState*, std::int32_t> nodes_of_variables;
    std::vector<std::shared_ptr<VariableState>> variables;
    std::vector<Node> nodes;
    std::vector<Entry> entries;
    std::vector<std::int32_t> input_nodes;
    std::vector<Tensor> saved;
    std::vector<Attribute> attributes;

    void clear() noexcept;
  };
  struct Thread;
  using Flags = std::vector<unsigned char>;  // one a node

  bool unlink() noexcept;
  static Records take_spare();
  static void leave_spare(Records&& records) noexcept;

  std::int32_t add_node(const TensorImpl& t);
  std::int32_t node_of(const Source& source) const;
  std::int32_t watch_variable(const std::shared_ptr<VariableState>& variable, const Tensor& value);
  void save(SaveMask mask, std::span<const Operand> inputs, std::span<const Tensor> outputs);

  void check_request(
      std::span<const Tensor> targets, std::span<const Source> sources, const GradientOptions& options) const;
  std::vector<Tensor> run_backward(
      std::span<const Tensor> targets, std::span<const Source> sources, const GradientOptions& options);
  Tensor collect(
      const Source& source, std::span<const Tensor> targets, std::span<const Tensor> gradients,
      const GradientOptions& options) const;
  void seed(std::span<const Tensor> targets, const GradientOptions& options, std::vector<Tensor>& gradients);
  Flags nodes_of(std::span<const Source> sources) const;
  Flags leads_to(Flags sources, std::size_t entries) const;
  void backward(std::size_t entries, const Flags& needed, const Flags& wanted, std::vector<Tensor>& gradients);
  void accumulate(std::vector<Tensor>& gradients, std::int32_t node, Tensor gradient) const;

  TapeOptions options_;
  bool recording_ = false, linked_ = false, spent_ = false;
  ThreadContext* owner_;
  std::weak_ptr<const void> thread_;  // ends with the thread of owner_
  Records records_;
};

/// Throws DTypeError unless a gradient of dtype `given` can be cast to that of what it belongs to: floating dtypes among
/// themselves, and anything trainable to complex.
void check_gradient_dtype(const char* operation, const char* what, std::size_t i, DType given, DType wanted);

}  // namespace keen::detail
