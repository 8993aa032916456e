// Op: the one description of an operation, which dispatch, tape, tracer, fuser, printers and tests read.
#pragma once
#include <cstdint>
#include <span>

#include "core/attribute.h"
#include "core/tensor_impl.h"
#include "scalar/function.h"

namespace keen::detail {

struct Op;

/// A result before it exists. Its shape may be symbolic while tracing.
struct ResultSpec {
  DType dtype = DType::float32;
  Shape shape;
};

/// What a shape rule sees: operands (promoted already) and attributes; it fills the results, or throws.
struct Inference {
  const Op& op;
  std::span<const Operand> inputs;
  Attributes attributes;
  std::span<ResultSpec> results;

  const Shape& shape(int i) const { return inputs[i].impl()->shape; }
  DType dtype(int i) const { return inputs[i].impl()->dtype; }
  int arity() const { return static_cast<int>(inputs.size()); }
};
using Rule = void (*)(Inference&);

/// What a kernel sees: inputs of the right dtypes on one device, outputs allocated (contiguous).
struct KernelCall {
  const Op& op;
  std::span<const Operand> inputs;
  Attributes attributes;
  std::span<Tensor> outputs;

  const TensorImpl& in(int i) const { return *inputs[i].impl(); }
  TensorImpl& out(int i = 0) const { return *outputs[i].impl(); }
};
using Kernel = void (*)(KernelCall&);
/// A view operation's work: a tensor that shares storage with its input, or (reshape of a strided tensor) a copy.
using ViewKernel = Tensor (*)(const TensorImpl& in, Attributes attributes, const ResultSpec& result);

/// What a gradient function sees: the saved values it asked for, the gradients of the outputs; it sets those of the
/// inputs. A gradient larger than its input by broadcasting is summed down by the tape.
class Gradient {
 public:
  virtual const Op& op() const = 0;
  /// Is the gradient of input i needed?
  virtual bool wants(int i) const = 0;
  /// A saved input or output; only what `saves` names. (By value: the tape may grow meanwhile.)
  virtual Tensor in(int i) const = 0;
  virtual Tensor out(int i = 0) const = 0;
  /// Shape and dtype of an input whose gradient is wanted.
  virtual Shape in_shape(int i) const = 0;
  virtual DType in_dtype(int i) const = 0;
  virtual int inputs() const = 0;
  virtual int outputs() const = 0;
  /// The gradient of output i: zeros when nothing depends on it.
  virtual Tensor dy(int i = 0) const = 0;
  virtual bool has_dy(int i) const = 0;
  virtual Attributes attributes() const = 0;
  virtual void set(int i, Tensor gradient) = 0;

 protected:
  ~Gradient() = default;
};
using GradientFunction = void (*)(Gradient&);

/// How the dtypes of the inputs meet before anything else happens.
enum class Inputs : std::uint8_t {
  any,                // as they are
  promote,            // all to their common type
  promote_floating,   // and integers to float32
  promote_but_first,  // all but input 0 (a condition)
};

/// What dispatch does instead of everything else, for operations that hold parts of programs (branches, loops).
using Composite = void (*)(const Op& op, std::span<Operand> inputs, Attributes attributes, std::span<Tensor> outputs);

/// Which dtypes an operation computes with, after promotion: one bit a DType.
using DTypeSet = std::uint16_t;
constexpr DTypeSet bit(DType d) { return static_cast<DTypeSet>(1u << static_cast<int>(d)); }
inline constexpr DTypeSet booleans = bit(DType::bool_), signed_integers = 0x1e, unsigned_integers = 0x1e0,
                          integers = 0x1fe, floats = bit(DType::float32) | bit(DType::float64),
                          half_floats = bit(DType::float16) | bit(DType::bfloat16), numeric = integers | floats,
                          real_numbers = numeric | booleans, every_dtype = 0x7fff;

/// Where an operation stands towards differentiation.
enum class Differentiable : std::uint8_t {
  yes,
  no,       // piecewise constant or discrete: gives no gradient
  missing,  // a floating operation nobody has differentiated: asking is an error that names it
};

/// What must be kept for the gradient of one input: bit i = input i, bit 8 + i = output i.
using SaveMask = std::uint16_t;
constexpr SaveMask input(int i) { return static_cast<SaveMask>(1u << i); }
constexpr SaveMask output(int i = 0) { return static_cast<SaveMask>(1u << (8 + i)); }

/// From where tests draw the inputs of an operation (and where its formula holds).
enum class Domain : std::uint8_t { real, positive, unit, nonzero, indices, distinct };

inline constexpr int variadic = -1;

struct Op {
  const char* name;
  int version = 1;
  int arity = 1;    // or variadic
  int outputs = 1;  // or variadic: the rule is asked with one result a requested output
  std::span<const AttributeSpec> attributes = {};
  Inputs inputs = Inputs::any;
  DTypeSet dtypes = every_dtype;  // of the promoted inputs
  Rule infer = nullptr;
  Kernel cpu = nullptr;
  ViewKernel view = nullptr;                         // a view operation: runs on every device
  Composite composite = nullptr;                     // runs, traces and records itself
  scalar::Function scalar = scalar::Function::none;  // an elementwise operation: what the fuser and CUDA compute
  Differentiable differentiable = Differentiable::yes;
  GradientFunction gradient = nullptr;
  SaveMask saves[3] = {0, 0, 0};  // for input 0, 1, and 2 onwards
  bool effect = false;            // must run, in program order
  bool update = false;            // an optimizer's, of one variable: neighbours run as one loop
  bool may_raise = false;         // on element values (an index out of range)
  bool random = false;
  bool takes_tail = false;  // its kernel can run what follows on each part of its result (cpu/tail.h)
  Domain domain = Domain::real;
  const char* formula = "";  // of the result, for the reference page

  bool is_elementwise() const noexcept { return scalar != scalar::Function::none; }
  SaveMask saves_for(int input) const noexcept { return saves[input < 2 ? input : 2]; }
};

/// Every operation, from the descriptions themselves: KEEN_OP puts each into one linker section.
std::span<const Op* const> all_ops() noexcept;
/// By name; null when there is none.
const Op* find_op(std::string_view name) noexcept;

/// Opens a description: `KEEN_OP(exp){.name = "exp", …};` defines exp_op.
#define KEEN_OP(id)                                                                              \
  extern const ::keen::detail::Op id##_op;                                                       \
  [[gnu::used, gnu::section("keen_ops")]] const ::keen::detail::Op* const id##_entry = &id##_op; \
  constexpr ::keen::detail::Op id##_op

}  // namespace keen::detail
