// Convolution: shape rule, descriptions with gradients to second order, and the public function.
#include "keen/ops/nn.h"
#include "ops/helpers.h"
#include "ops/windows.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec conv_attributes[] = {
    {"strides", AttributeKind::ints},
    {"padding", AttributeKind::shape},
    {"dilation", AttributeKind::ints},
    {"groups", AttributeKind::integer}};
constexpr AttributeSpec conv_gradient_attributes[] = {
    {"strides", AttributeKind::ints},
    {"padding", AttributeKind::shape},
    {"dilation", AttributeKind::ints},
    {"groups", AttributeKind::integer},
    {"shape", AttributeKind::shape}};

void conv_rule(Inference& in) {
  const Shape &x = in.shape(0), &f = in.shape(1), &strides = ints(in.attributes[0]), &padding = ints(in.attributes[1]),
              &dilation = ints(in.attributes[2]);
  std::int64_t groups = integer(in.attributes[3]);
  if (f[2] >= 0 && x[3] >= 0 && x[3] != f[2] * groups)
    fail<ShapeError>(
        "conv2d", "input ", x, " has ", x[3], " channels, filters ", f, " in ", groups, " groups want ", f[2] * groups);
  if (f[3] % groups) fail<ShapeError>("conv2d", f[3], " output channels do not divide into ", groups, " groups");
  in.results[0] = {
      in.dtype(0), Shape{
                       x[0], output_size("conv2d", x[1], f[0], strides[0], dilation[0], around(padding, 0)),
                       output_size("conv2d", x[2], f[1], strides[1], dilation[1], around(padding, 1)), f[3]}};
}

}  // namespace

extern const Op conv2d_op, conv2d_input_gradient_op, conv2d_filter_gradient_op;

namespace {

// The three forms of a convolution, each linear in both operands, are one another's gradients.
Tensor forward(Attributes a, const Tensor& x, const Tensor& f) {
  return run(conv2d_op, {a[0], a[1], a[2], a[3]}, x, f);
}
Tensor to_input(Attributes a, const Tensor& f, const Tensor& dy, const Shape& shape) {
  return run(conv2d_input_gradient_op, {a[0], a[1], a[2], a[3], shape}, f, dy);
}
Tensor to_filters(Attributes a, const Tensor& x, const Tensor& dy, const Shape& shape) {
  return run(conv2d_filter_gradient_op, {a[0], a[1], a[2], a[3], shape}, x, dy);
}

}  // namespace

KEEN_OP(conv2d){
    .name = "conv2d",
    .arity = 2,
    .attributes = conv_attributes,
    .inputs = Inputs::promote,
    .dtypes = floats,
    .infer = conv_rule,
    .cpu = cpu::conv2d,
    .gradient =
        [](Gradient& g) {
          if (g.wants(0)) g.set(0, to_input(g.attributes(), g.in(1), g.dy(), g.in_shape(0)));
          if (g.wants(1)) g.set(1, to_filters(g.attributes(), g.in(0), g.dy(), g.in_shape(1)));
        },
    .saves = {input(1), input(0)},
    .takes_tail = true,
    .formula = "x * filters"};
KEEN_OP(conv2d_input_gradient){
    .name = "conv2d_input_gradient",
    .arity = 2,
    .attributes = conv_gradient_attributes,
    .inputs = Inputs::promote,
    .dtypes = floats,
    .infer = shaped_rule,
    .cpu = cpu::conv2d_input_gradient,
    .gradient =
        [](Gradient& g) {
          if (g.wants(0)) g.set(0, to_filters(g.attributes(), g.dy(), g.in(1), g.in_shape(0)));
          if (g.wants(1)) g.set(1, forward(g.attributes(), g.dy(), g.in(0)));
        },
    .saves = {input(1), input(0)},
    .takes_tail = true,
    .formula = "the adjoint of conv2d in x"};
KEEN_OP(conv2d_filter_gradient){
    .name = "conv2d_filter_gradient",
    .arity = 2,
    .attributes = conv_gradient_attributes,
    .inputs = Inputs::promote,
    .dtypes = floats,
    .infer = shaped_rule,
    .cpu = cpu::conv2d_filter_gradient,
    .gradient =
        [](Gradient& g) {
          if (g.wants(0)) g.set(0, to_input(g.attributes(), g.dy(), g.in(1), g.in_shape(0)));
          if (g.wants(1)) g.set(1, forward(g.attributes(), g.in(0), g.dy()));
        },
    .saves = {input(1), input(0)},
    .formula = "the adjoint of conv2d in filters"};

}  // namespace detail

using namespace detail;

Tensor conv2d(const Tensor& x, const Tensor& filters, const Conv2DOptions& options, Where where) {
  note_line(where);
  check_images("conv2d", x);
  const detail::Shape& f = checked(filters, "conv2d").shape;
  if (f.rank() != 4)
    fail<ShapeError>("conv2d", "filters have shape ", f, ": (height, width, channels in, channels out) is needed");
  for (auto d : f)
    if (d < 1)
      fail<ShapeError>(
          "conv2d", "filters of shape ", f,
          d ? ": a trace must know their sizes" : " are empty: every dimension must be 1 or more");
  check_positive("conv2d", "stride", options.strides);
  check_positive("conv2d", "dilation", options.dilation);
  if (options.groups < 1) fail<UsageError>("conv2d", options.groups, " groups: at least 1 is needed");
  detail::Shape padding =
      padding_for("conv2d", options.padding, x.shape(), {f[0], f[1]}, options.strides, options.dilation);
  return run(
      conv2d_op, {pair(options.strides), padding, pair(options.dilation), std::int64_t{options.groups}}, x, filters);
}

}  // namespace keen
