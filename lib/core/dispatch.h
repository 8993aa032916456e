// The one point where operations happen: promote, infer, hand to the interpreter, tell the observers.
#pragma once
#include <array>
#include <functional>
#include <initializer_list>
#include <optional>

#include "core/op.h"

namespace keen::detail {

struct GeneratorState;
struct VariableState;

/// What the host wants to know of a tensor: its truth, one integer, or any value at all.
enum class Question : std::uint8_t { truth, integer, value };

/// Throws ShapeError for a shape of another number of elements; an open one counts as fine.
void check_one_element(const Shape& shape, Question question);

/// Turns an operation into something else than work: the tracer is the only one, eager is its absence.
class Interpreter {
 public:
  /// An operation begins; it may still fail.
  virtual void begin(std::span<const Operand> inputs) = 0;
  /// What follows is asked for in this line.
  virtual void note_line(const std::source_location& where) = 0;
  virtual void interpret(
      const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
      std::span<Tensor> outputs) = 0;
  /// The value of a variable that is read.
  virtual Tensor read(const std::shared_ptr<VariableState>& variable) = 0;
  /// The host asks for the value of a tensor that has none yet. An answer, or none: then the tensor has elements now,
  /// and they serve. Throws UsageError where the host cannot know.
  virtual std::optional<std::int64_t> ask(const Tensor& tensor, Question question) = 0;
  /// Throws UsageError where no variable may be created.
  virtual void check_creation() const = 0;
  /// The size a op b, of which one is open.
  virtual std::int64_t derive(SizeOp op, std::int64_t a, std::int64_t b) = 0;
  /// What a variable created now starts with: elements. Checks creation.
  virtual Tensor initial_value(const Tensor& initial) = 0;
  /// Blocks of a stream that the program took before it makes a variable, in draws that its first replay makes.
  virtual std::uint64_t waiting_draws(const GeneratorState& stream) const = 0;
  /// The result of a function that has a gradient of its own: of each source, from that of the result. What is recorded
  /// knows it wherever it is differentiated later; tapes of now are told by the caller.
  using OwnGradient = std::function<std::vector<Tensor>(const Tensor& dy)>;
  virtual Tensor with_gradient(const Tensor& result, std::span<const Tensor> sources, const OwnGradient& gradient) = 0;

 protected:
  ~Interpreter() = default;
};

/// Is told of every operation of its thread, after it ran: tapes, forward accumulators, the profiler.
class Observer {
 public:
  virtual void observe(
      const Op& op, std::span<const Operand> inputs, Attributes attributes, std::span<const Tensor> outputs) = 0;
  virtual void observe_read(const std::shared_ptr<VariableState>& variable, const Tensor& value) = 0;
  /// Is it of consequence to it what becomes of this tensor?
  virtual bool follows(const TensorImpl& tensor) const noexcept { return static_cast<void>(tensor), false; }
  Observer* outer = nullptr;  // the next one; the innermost is asked first

 protected:
  ~Observer() = default;
};

/// Runs an operation. Weak numbers become tensors of the promoted dtype, inputs are cast and moved where the
/// description says; everything is checked before the kernel runs, so a failure changes nothing.
void dispatch(const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs);

/// The usual case of one result.
inline Tensor dispatch(const Op& op, std::span<Operand> inputs, Attributes attributes = {}) {
  Tensor out;
  dispatch(op, inputs, attributes, std::span<Tensor>(&out, 1));
  return out;
}

/// The same for one operand without attributes.
inline Tensor dispatch(const Op& op, Operand& x) { return dispatch(op, std::span<Operand>(&x, 1)); }

/// `run(op, {attributes…}, operands…)`.
template <class... In>
Tensor run(const Op& op, std::initializer_list<Attribute> attributes, In&&... in) {
  std::array<Operand, sizeof...(In)> operands{Operand(std::forward<In>(in))...};
  return dispatch(op, operands, Attributes(attributes.begin(), attributes.size()));
}
template <class... In>
Tensor run(const Op& op, In&&... in) {
  return run(op, std::initializer_list<Attribute>{}, std::forward<In>(in)...);
}

/// A weak number as a 0-d tensor; DTypeError when an integer does not fit.
Tensor number_tensor(const char* operation, const Operand& number, DType dtype);

/// Does what `dispatch` does once interpreter and observers are out of the way: kernels on concrete tensors.
void run_kernel(
    const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<const ResultSpec> results,
    std::span<Tensor> outputs, Device device);

}  // namespace keen::detail
