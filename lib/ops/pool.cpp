// Pooling: shape rule, descriptions with gradients to second order, and the public functions.
#include "core/rules.h"
#include "keen/ops/nn.h"
#include "ops/helpers.h"
#include "ops/windows.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec pool_attributes[] = {
    {"window", AttributeKind::ints}, {"strides", AttributeKind::ints}, {"padding", AttributeKind::shape}};
constexpr AttributeSpec avg_gradient_attributes[] = {
    {"window", AttributeKind::ints},
    {"strides", AttributeKind::ints},
    {"padding", AttributeKind::shape},
    {"shape", AttributeKind::shape}};

void pool_rule(Inference& in) {
  const Shape &x = in.shape(0), &window = ints(in.attributes[0]), &strides = ints(in.attributes[1]),
              &padding = ints(in.attributes[2]);
  in.results[0] = {
      in.dtype(0), Shape{
                       x[0], output_size(in.op.name, x[1], window[0], strides[0], 1, around(padding, 0)),
                       output_size(in.op.name, x[2], window[1], strides[1], 1, around(padding, 1)), x[3]}};
}

}  // namespace

extern const Op max_pool2d_gradient_op, avg_pool2d_op;

// picks what lies where x has the maximum of each window: linear in its second operand, flat in x
KEEN_OP(max_pool2d_second){
    .name = "max_pool2d_second",
    .arity = 2,
    .attributes = pool_attributes,
    .inputs = Inputs::promote,
    .dtypes = floats,
    .infer = pool_rule,
    .cpu = cpu::max_pool2d_second,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          if (g.wants(1)) g.set(1, run(max_pool2d_gradient_op, {a[0], a[1], a[2]}, g.in(0), g.dy()));
        },
    .saves = {0, input(0)},
    .domain = Domain::distinct,
    .formula = "v at the maxima of x"};
KEEN_OP(max_pool2d_gradient){
    .name = "max_pool2d_gradient",
    .arity = 2,
    .attributes = pool_attributes,
    .inputs = Inputs::promote,
    .dtypes = floats,
    .infer = rules::same,
    .cpu = cpu::max_pool2d_gradient,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          if (g.wants(1)) g.set(1, run(max_pool2d_second_op, {a[0], a[1], a[2]}, g.in(0), g.dy()));
        },
    .saves = {0, input(0)},
    .domain = Domain::distinct,
    .formula = "dy at the first maximum of each window"};
KEEN_OP(max_pool2d){
    .name = "max_pool2d",
    .attributes = pool_attributes,
    .dtypes = floats,
    .infer = pool_rule,
    .cpu = cpu::max_pool2d,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          g.set(0, run(max_pool2d_gradient_op, {a[0], a[1], a[2]}, g.in(0), g.dy()));
        },
    .saves = {input(0)},
    .domain = Domain::distinct,
    .formula = "max over windows"};

KEEN_OP(avg_pool2d_gradient){
    .name = "avg_pool2d_gradient",
    .attributes = avg_gradient_attributes,
    .dtypes = floats,
    .infer = shaped_rule,
    .cpu = cpu::avg_pool2d_gradient,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          g.set(0, run(avg_pool2d_op, {a[0], a[1], a[2]}, g.dy()));
        },
    .formula = "dy shared over its window"};
KEEN_OP(avg_pool2d){
    .name = "avg_pool2d",
    .attributes = pool_attributes,
    .dtypes = floats,
    .infer = pool_rule,
    .cpu = cpu::avg_pool2d,
    .gradient =
        [](Gradient& g) {
          auto a = g.attributes();
          g.set(0, run(avg_pool2d_gradient_op, {a[0], a[1], a[2], g.in_shape(0)}, g.dy()));
        },
    .formula = "mean over windows"};

namespace {

Tensor pool(const Op& op, const Tensor& x, const Pool2DOptions& options) {
  check_images(op.name, x);
  const Size2 window = options.window, strides = options.strides.value_or(window);
  check_positive(op.name, "window size", window);
  check_positive(op.name, "stride", strides);
  Shape padding = padding_for(op.name, options.padding, x.shape(), {window.height, window.width}, strides, 1);
  return run(op, {pair(window), pair(strides), padding}, x);
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor max_pool2d(const Tensor& x, const Pool2DOptions& options, Where where) {
  note_line(where);
  return pool(max_pool2d_op, x, options);
}
Tensor avg_pool2d(const Tensor& x, const Pool2DOptions& options, Where where) {
  note_line(where);
  return pool(avg_pool2d_op, x, options);
}

}  // namespace keen
