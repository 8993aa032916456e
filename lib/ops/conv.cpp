// Convolution and pooling: shape rules, descriptions with gradients to second order, and the public functions.
#include "core/rules.h"
#include "keen/ops/nn.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec conv_attributes[] = {
    {"strides", AttributeKind::ints},
    {"padding", AttributeKind::ints},
    {"dilation", AttributeKind::ints},
    {"groups", AttributeKind::integer}};
constexpr AttributeSpec conv_gradient_attributes[] = {
    {"strides", AttributeKind::ints},
    {"padding", AttributeKind::ints},
    {"dilation", AttributeKind::ints},
    {"groups", AttributeKind::integer},
    {"shape", AttributeKind::shape}};
constexpr AttributeSpec pool_attributes[] = {
    {"window", AttributeKind::ints}, {"strides", AttributeKind::ints}, {"padding", AttributeKind::ints}};
constexpr AttributeSpec avg_gradient_attributes[] = {
    {"window", AttributeKind::ints},
    {"strides", AttributeKind::ints},
    {"padding", AttributeKind::ints},
    {"shape", AttributeKind::shape}};

// (size + padding − reach) / stride + 1, where reach is what the (dilated) window spans.
std::int64_t output_size(
    const char* op, std::int64_t size, std::int64_t window, std::int64_t stride, std::int64_t dilation,
    std::int64_t padding) {
  if (size <= 0) return size < 0 ? unknown : 0;  // no window sees anything of an image without rows
  std::int64_t reach = (window - 1) * dilation + 1;
  if (size + padding < reach)
    fail<ShapeError>(op, "a window of ", reach, " does not fit into ", size, " + ", padding, " of padding");
  return (size + padding - reach) / stride + 1;
}

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
                       x[0], output_size("conv2d", x[1], f[0], strides[0], dilation[0], padding[0] + padding[1]),
                       output_size("conv2d", x[2], f[1], strides[1], dilation[1], padding[2] + padding[3]), f[3]}};
}

void shaped_rule(Inference& in) { in.results[0] = {in.dtype(0), ints(in.attributes[in.attributes.size() - 1])}; }

void pool_rule(Inference& in) {
  const Shape &x = in.shape(0), &window = ints(in.attributes[0]), &strides = ints(in.attributes[1]),
              &padding = ints(in.attributes[2]);
  in.results[0] = {
      in.dtype(0), Shape{
                       x[0], output_size(in.op.name, x[1], window[0], strides[0], 1, padding[0] + padding[1]),
                       output_size(in.op.name, x[2], window[1], strides[1], 1, padding[2] + padding[3]), x[3]}};
}

using Three = std::initializer_list<Attribute>;

}  // namespace

extern const Op conv2d_op, conv2d_input_gradient_op, conv2d_filter_gradient_op, max_pool2d_gradient_op, avg_pool2d_op;

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

void check_images(const char* op, const Tensor& x) {
  if (checked(x, op).shape.rank() != 4)
    fail<ShapeError>(op, "images have shape ", x.shape(), ": (batch, height, width, channels) is needed");
}

template <class T>
void check_positive(const char* op, const char* what, const T& values) {
  for (auto v : values)
    if (v < 1) fail<UsageError>(op, what, ' ', v, " is not positive");
}

// (top, bottom, left, right). "same" gives ⌈size / stride⌉ outputs, the odd element going to the end as in TensorFlow.
Shape padding_for(
    const char* op, const std::string& padding, const Shape& x, std::array<std::int64_t, 2> window,
    std::array<int, 2> strides, std::array<int, 2> dilation) {
  if (padding == "valid") return Shape{0, 0, 0, 0};
  if (padding != "same") fail<UsageError>(op, "padding '", padding, "' is neither \"valid\" nor \"same\"");
  Shape out;
  for (int i = 0; i < 2; ++i) {
    auto k = static_cast<std::size_t>(i);
    std::int64_t size = x[i + 1], reach = (window[k] - 1) * dilation[k] + 1;
    if (size < 0) fail<ShapeError>(op, "height and width must be known for \"same\" padding, not ", x);
    std::int64_t steps = size ? (size - 1) / strides[k] : 0;
    std::int64_t total = std::max<std::int64_t>(0, steps * strides[k] + reach - size);
    out.push_back(total / 2);
    out.push_back(total - total / 2);
  }
  return out;
}

Shape pair(std::array<int, 2> v) { return Shape{v[0], v[1]}; }

Tensor pool(const Op& op, const Tensor& x, const Pool2DOptions& options) {
  check_images(op.name, x);
  auto strides = options.strides.value_or(options.window);
  check_positive(op.name, "window size", options.window);
  check_positive(op.name, "stride", strides);
  Shape padding =
      padding_for(op.name, options.padding, x.shape(), {options.window[0], options.window[1]}, strides, {1, 1});
  return run(op, {pair(options.window), pair(strides), padding}, x);
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor conv2d(const Tensor& x, const Tensor& filters, const Conv2DOptions& options) {
  check_images("conv2d", x);
  const Shape& f = checked(filters, "conv2d").shape;
  if (f.rank() != 4)
    fail<ShapeError>("conv2d", "filters have shape ", f, ": (height, width, channels in, channels out) is needed");
  for (auto d : f)
    if (d < 1) fail<ShapeError>("conv2d", "filters of shape ", f, " are empty");
  check_positive("conv2d", "stride", options.strides);
  check_positive("conv2d", "dilation", options.dilation);
  if (options.groups < 1) fail<UsageError>("conv2d", options.groups, " groups: at least 1 is needed");
  Shape padding = padding_for("conv2d", options.padding, x.shape(), {f[0], f[1]}, options.strides, options.dilation);
  return run(
      conv2d_op, {pair(options.strides), padding, pair(options.dilation), std::int64_t{options.groups}}, x, filters);
}

Tensor max_pool2d(const Tensor& x, const Pool2DOptions& options) { return pool(max_pool2d_op, x, options); }
Tensor avg_pool2d(const Tensor& x, const Pool2DOptions& options) { return pool(avg_pool2d_op, x, options); }

}  // namespace keen
