// Printing and checking values: descriptions, and the public functions.
#include "keen/ops/debug.h"

#include <cmath>
#include <iostream>

#include "core/context.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr char place = '\x01';  // of a tensor in a line's text

constexpr AttributeSpec text_attribute[] = {{"text", AttributeKind::string}};
constexpr AttributeSpec message_attribute[] = {{"message", AttributeKind::string}};

void print_kernel(KernelCall& call) {
  std::string line;
  int next = 0;
  for (char c : string(call.attributes[0])) {
    if (c == place) line += call.inputs[static_cast<std::size_t>(next++)].tensor().to_string();
    else line += c;
  }
  std::cout << line + '\n';
}

template <class T>
bool all_finite(const T* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    if (!std::isfinite(x[i])) return false;
  return true;
}

void check_kernel(KernelCall& call) {
  cpu::copy(call);
  const TensorImpl& x = call.out();
  const bool fine = x.dtype == DType::float64   ? all_finite(x.as<double>(), x.size)
                    : x.dtype == DType::float32 ? all_finite(x.as<float>(), x.size)
                                                : [&] {
                                                    EagerScope eager;
                                                    const Tensor wide = call.outputs[0].cast(DType::float32);
                                                    return all_finite(wide.span<float>().data(), wide.size());
                                                  }();
  if (!fine)
    fail<UsageError>(
        "check_numerics", string(call.attributes[0]), ": the tensor of shape ", x.shape, " holds NaN or infinity");
}

void assert_rule(Inference& in) {
  if (in.dtype(0) != DType::bool_)
    fail<DTypeError>("assert_true", "the condition is ", name(in.dtype(0)), ", bool is wanted");
}

void assert_kernel(KernelCall& call) {
  for (bool holds : call.inputs[0].tensor().to_vector<bool>())
    if (!holds) fail<UsageError>("assert_true", string(call.attributes[0]));
}

}  // namespace

KEEN_OP(print){
    .name = "print",
    .arity = variadic,
    .outputs = 0,
    .attributes = text_attribute,
    .infer = [](Inference&) {},
    .cpu = print_kernel,
    .differentiable = Differentiable::no,
    .effect = true,
    .formula = "a line of text"};
KEEN_OP(check_numerics){
    .name = "check_numerics",
    .attributes = message_attribute,
    .dtypes = floats | half_floats,
    .infer = rules::same,
    .cpu = check_kernel,
    .gradient = [](Gradient& g) { g.set(0, g.dy()); },
    .may_raise = true,
    .formula = "x"};
KEEN_OP(assert_true){
    .name = "assert_true",
    .outputs = 0,
    .attributes = message_attribute,
    .infer = assert_rule,
    .cpu = assert_kernel,
    .differentiable = Differentiable::no,
    .effect = true,
    .may_raise = true,
    .formula = "nothing, or an error"};

void Line::add(std::string_view text) {
  if (!text_.empty()) text_ += ' ';
  text_ += text;
}

// Open sizes of a trace print as what they are at each call.
void Line::add(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) {
    if (i) text += ", ";
    if (is_symbol(shape[i])) {
      text += place;
      tensors_.emplace_back(Size(shape[i]));
    } else {
      text += shape[i] < 0 ? "?" : std::to_string(shape[i]);
    }
  }
  add(std::string_view(text + (shape.rank() == 1 ? ",)" : ")")));
}

void Line::add(const Tensor& tensor) {
  checked(tensor, "print");
  add(std::string_view(&place, 1));
  tensors_.push_back(tensor);
}

void Line::print() {
  std::vector<Operand> operands;
  for (auto& tensor : tensors_) operands.emplace_back(std::move(tensor));
  const Attribute attributes[] = {std::move(text_)};
  dispatch(print_op, operands, attributes, {});
}

}  // namespace detail

using namespace detail;

Tensor check_numerics(const Tensor& x, std::string_view message, Where where) {
  note_line(where);
  return run(check_numerics_op, {std::string(message)}, x);
}

void assert_true(const Tensor& condition, std::string_view message, Where where) {
  note_line(where);
  Operand operand(condition);
  const Attribute attributes[] = {std::string(message)};
  dispatch(assert_true_op, {&operand, 1}, attributes, {});
}

}  // namespace keen
