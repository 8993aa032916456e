// Samples of the operations that are not elementwise.
#include "autodiff/samples.h"

#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/debug.h"

namespace keen::test {

using detail::Attribute;
using detail::Domain;
using detail::find_op;
using detail::run;

std::vector<Sample> reduction_samples() {
  std::vector<Sample> out;
  auto add = [&](const char* name, Tensor (*f)(const Tensor&, const Axes&, bool, Where), Domain domain) {
    for (const char* spec : {"3x4:c", "2x3x2:t", "3x4:b", "3x4:s"}) {
      if (domain == Domain::distinct && spec[4] == 'b') continue;  // a tie has no gradient
      Tensor x = sample(spec, 1, domain);
      out.push_back({name, [=](Inputs in) { return f(in[0], {}, false, Where()); }, {x}});
      out.push_back({name, [=](Inputs in) { return f(in[0], 1, false, Where()); }, {x}});
      out.push_back({name, [=](Inputs in) { return f(in[0], {-1, 0}, true, Where()); }, {x}});
    }
    out.push_back({name, [=](Inputs in) { return f(in[0], {}, true, Where()); }, {sample("-:c", 1, domain)}});
  };
  add("sum", sum, Domain::real);
  add("prod", prod, Domain::nonzero);
  add("max", max, Domain::distinct);
  add("min", min, Domain::distinct);
  return out;
}

std::vector<Sample> shape_samples() {
  std::vector<Sample> out;
  auto add = [&](const char* name, std::function<Tensor(Inputs)> f, std::vector<Tensor> inputs) {
    out.push_back({name, std::move(f), std::move(inputs)});
  };
  for (const char* spec : {"4x6:c", "4x6:t", "4x6:s", "4x6:b"}) {
    Tensor x = sample(spec, 1);
    add("reshape", [](Inputs in) { return reshape(in[0], {3, -1, 2}); }, {x});
    add("transpose", [](Inputs in) { return transpose(in[0]); }, {x});
    add("broadcast_to", [](Inputs in) { return broadcast_to(in[0], {2, 4, 6}); }, {x});
    add("concat", [](Inputs in) { return concat({in[0], in[1], in[0]}, -1); }, {x, sample("4x2:c", 2)});
    add("pad", [](Inputs in) { return pad(in[0], {{1, 0}, {2, 3}}, 1); }, {x});
    add("contiguous", [](Inputs in) { return run(*find_op("contiguous"), in[0]); }, {x});
    add("cast", [](Inputs in) { return run(*find_op("cast"), {float64}, in[0]); }, {x});
    add("check_numerics", [](Inputs in) { return check_numerics(in[0], "x"); }, {x});
    add("to_device", [](Inputs in) { return run(*find_op("to_device"), {Device()}, in[0]); }, {x});
    add("where", [=](Inputs in) { return where(x > 0, in[0], in[1]); }, {x, sample("6:c", 2)});
  }
  add("broadcast_to", [](Inputs in) { return broadcast_to(in[0], {2, 3}); }, {sample("-:c", 1)});
  add("broadcast_to", [](Inputs in) { return broadcast_to(in[0], {3, 2, 4}); }, {sample("2x1:t", 1)});
  add("concat", [](Inputs in) { return concat({in[0], in[1]}, 0); }, {sample("0x3:c", 1), sample("2x3:t", 2)});
  add("reshape", [](Inputs in) { return reshape(in[0], {1, 1}); }, {sample("-:c", 1)});
  add("where",
      [](Inputs in) {
        return where(constant({true, false, true}), in[0], in[1]);
      },
      {sample("-:c", 1), sample("2x1:c", 2)});
  add("full", [](Inputs in) { return full({2, 3}, in[0]); }, {sample("-:c", 1)});
  return out;
}

std::vector<Sample> indexing_samples() {
  std::vector<Sample> out;
  auto add = [&](const char* name, std::function<Tensor(Inputs)> f, std::vector<Tensor> inputs) {
    out.push_back({name, std::move(f), std::move(inputs)});
  };
  for (const char* spec : {"4x5:c", "4x5:t", "4x5:s", "4x5:b"}) {
    Tensor x = sample(spec, 1), rows = constant({0, -1, 2, 0}), grid = constant({{3, 1}, {-4, 1}}),
           along = constant({{0, 1, 0}, {4, -1, 2}, {1, 1, 1}, {2, 3, 4}});
    add("get_row", [](Inputs in) { return run(*find_op("get_row"), in[0], Tensor(2)); }, {x});
    add("set_row", [](Inputs in) { return run(*find_op("set_row"), in[0], Tensor(2), in[1]); }, {x, sample("5:c", 2)});
    add("slice", [](Inputs in) { return in[0](slice({}, {}, -2), slice(1, 4)); }, {x});
    add("slice", [](Inputs in) { return in[0](1); }, {x});
    add("slice_gradient",
        [](Inputs in) {
          return run(*find_op("slice_gradient"), {Shape{8, 0}, Shape{-2, 1}, Shape{9, 5}}, in[0]);
        },
        {x});
    add("gather", [=](Inputs in) { return gather(in[0], rows); }, {x});
    add("gather", [=](Inputs in) { return gather(in[0], grid, 1); }, {x});
    add("scatter", [=](Inputs in) { return scatter(rows, in[0], {3, 5}); }, {x});
    add("take_along_axis", [=](Inputs in) { return take_along_axis(in[0], along, 1); }, {x});
    add("put_along_axis",
        [=](Inputs in) {
          return run(*find_op("put_along_axis"), {std::int64_t{1}, Shape{4, 5}}, along, in[0](all_of, slice(3)));
        },
        {x});
  }
  return out;
}

namespace {

struct Picture {
  Size2 strides, dilation;
  int groups;
  const char *padding, *x, *filters;
};

void add_convolutions(std::vector<Sample>& out) {
  const Picture pictures[] = {
      {{1, 1}, {1, 1}, 1, "valid", "1x4x3x2:c", "2x2x2x2:c"},
      {{2, 1}, {1, 1}, 2, "same", "1x4x4x2:t", "3x2x1x2:t"},
      {{1, 1}, {2, 1}, 1, "same", "2x3x3x1:s", "2x2x1x2:s"}};
  for (auto& p : pictures) {
    Conv2DOptions options{.strides = p.strides, .padding = p.padding, .dilation = p.dilation, .groups = p.groups};
    Tensor x = sample(p.x, 1), f = sample(p.filters, 2), dy = sample("3:c", 3);
    auto conv = [=](const Tensor& a, const Tensor& b) { return conv2d(a, b, options); };
    out.push_back({"conv2d", [=](Inputs in) { return conv(in[0], in[1]); }, {x, f}});
    // The two gradients as functions of both their operands, reached as users reach them: by differentiating.
    Shape shape = conv(x, f).shape();
    Tensor v = drawn(float64, shape, "small", 4);
    out.push_back(
        {"conv2d_input_gradient",
         [=](Inputs in) {
           GradientTape tape;
           tape.watch(x);
           return tape.gradient(conv(x, in[0]), x, {.output_gradients = {in[1]}});
         },
         {f, v}});
    out.push_back(
        {"conv2d_filter_gradient",
         [=](Inputs in) {
           GradientTape tape;
           tape.watch(f);
           return tape.gradient(conv(in[0], f), f, {.output_gradients = {in[1]}});
         },
         {x, v}});
  }
}

void add_pooling(std::vector<Sample>& out) {
  Pool2DOptions options{.window = {2, 3}, .strides = {2, 1}, .padding = "same"};
  for (const char* spec : {"1x3x4x2:c", "1x3x4x2:t", "1x4x3x1:s"}) {
    Tensor x = sample(spec, 1, Domain::distinct);
    Tensor dy = drawn(float64, max_pool2d(x, options).shape(), "small", 2), v = drawn(float64, x.shape(), "small", 3);
    Shape window{2, 3}, strides{2, 1}, padding{0, 1, 1, 1};
    if (x.shape()[1] == 4) padding = Shape{0, 0, 1, 1};
    out.push_back({"max_pool2d", [=](Inputs in) { return max_pool2d(in[0], options); }, {x}});
    out.push_back(
        {"max_pool2d_gradient",
         [=](Inputs in) {
           return run(*find_op("max_pool2d_gradient"), {window, strides, padding}, x, in[0]);
         },
         {dy}});
    out.push_back(
        {"max_pool2d_second",
         [=](Inputs in) {
           return run(*find_op("max_pool2d_second"), {window, strides, padding}, x, in[0]);
         },
         {v}});
    out.push_back({"avg_pool2d", [=](Inputs in) { return avg_pool2d(in[0], options); }, {x}});
    out.push_back(
        {"avg_pool2d_gradient",
         [=](Inputs in) {
           return run(*find_op("avg_pool2d_gradient"), {window, strides, padding, x.shape()}, in[0]);
         },
         {dy}});
  }
}

void add_products(std::vector<Sample>& out) {
  auto add = [&](const char* a, const char* b, MatmulOptions o = {}) {
    out.push_back({"matmul", [=](Inputs in) { return matmul(in[0], in[1], o); }, {sample(a, 1), sample(b, 2)}});
  };
  add("2x3:c", "3x4:t"), add("3x2:s", "3x4:b", {.transpose_a = true}), add("2x3:c", "4x3:c", {.transpose_b = true});
  add("3x2:t", "2x3:c", {.transpose_a = true, .transpose_b = true}), add("2x1x2x3:c", "2x3x2:t"), add("3:c", "3x2:c");
  add("2x2x3:c", "3:c"), add("3:s", "3:c"), add("2x3:b", "2x3x2:s"), add("2x0:c", "0x2:c");
}

}  // namespace

std::vector<Sample> network_samples() {
  std::vector<Sample> out;
  add_convolutions(out);
  add_pooling(out);
  add_products(out);
  for (const char* spec : {"3x4:c", "2x2x3:t", "3x4:s", "3x4:b"})
    for (int axis : {0, -1}) {
      out.push_back({"softmax", [=](Inputs in) { return softmax(in[0], axis); }, {sample(spec, 1)}});
      out.push_back({"log_softmax", [=](Inputs in) { return log_softmax(in[0], axis); }, {sample(spec, 1)}});
    }
  for (const char* spec : {"3x4:c", "3x4:t", "3x4:s", "3x4:b"}) {
    Tensor labels = constant({3, 0, 1});
    out.push_back(
        {"sparse_softmax_cross_entropy",
         [=](Inputs in) { return sparse_softmax_cross_entropy(labels, in[0]); },
         {sample(spec, 1)}});
    out.push_back(
        {"sparse_cross_entropy_gradient",
         [=](Inputs in) { return run(*find_op("sparse_cross_entropy_gradient"), labels, in[0], in[1]); },
         {sample(spec, 1), sample("3:c", 2)}});
  }
  return out;
}

std::vector<Sample> composite_samples() {
  std::vector<Sample> out;
  auto add = [&](const char* name, std::function<Tensor(Inputs)> f, std::vector<Tensor> inputs) {
    out.push_back({name, std::move(f), std::move(inputs)});
  };
  for (const char* spec : {"3x4:c", "4x3:t", "3x4:s"}) {
    Tensor x = sample(spec, 1), apart = sample(spec, 1, Domain::distinct);
    add("mean", [](Inputs in) { return mean(in[0], 0); }, {x});
    add("variance", [](Inputs in) { return variance(in[0], 1, true, 1); }, {x});
    add("std", [](Inputs in) { return keen::std(in[0]); }, {x});
    add("norm", [](Inputs in) { return norm(in[0], 1); }, {x});
    add("logsumexp", [](Inputs in) { return logsumexp(in[0], 0); }, {x});
    add("gelu", [](Inputs in) { return gelu(in[0]); }, {x});
    add("gelu exact", [](Inputs in) { return gelu(in[0], false); }, {x});
    add("clip", [](Inputs in) { return clip(in[0], -0.6, 0.6); }, {apart});
    add("tile", [](Inputs in) { return tile(in[0], {2, 3}); }, {x});
    add("flip", [](Inputs in) { return flip(in[0], 1); }, {x});
    add("split", [](Inputs in) { return split(in[0], {1, 2}, in[0].shape()[0] == 3 ? 0 : 1)[1]; }, {x});
    add("stack", [](Inputs in) { return stack({in[0], in[1]}, 1); }, {x, x * 2});
    add("set", [](Inputs in) { return set(in[0], {1, slice(2)}, in[1]); }, {x, sample("2:c", 2)});
    add("squeeze", [](Inputs in) { return squeeze(expand_dims(in[0], 1)); }, {x});
    add("softmax_cross_entropy", [](Inputs in) { return softmax_cross_entropy(softmax(in[1]), in[0]); }, {x, x * 0.5});
    add("dropout", [](Inputs in) { return dropout(in[0], 0.4, {.seed = 3}); }, {x});
  }
  return out;
}

}  // namespace keen::test
