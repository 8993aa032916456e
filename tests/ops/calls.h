// How each operation of reference.txt is called: from its attributes and operands to its result.
#pragma once
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "ops/helpers.h"
#include "reference.h"

namespace keen::test {

using Inputs = const std::vector<Tensor>&;
using Call = std::function<Tensor(const Words&, Inputs)>;

/// `1/::-1/.../new/2:5` as the indices of x(…).
inline std::vector<Index> parse_index(const std::string& text) {
  std::vector<Index> out;
  for (auto& word : parts(text, '/')) {
    if (word == "...") out.push_back(ellipsis);
    else if (word == "new") out.push_back(newaxis);
    else if (word.find(':') == std::string::npos) out.push_back(std::stoll(word));
    else {
      Slice s;
      auto ends = parts(word, ':');
      if (!ends[0].empty()) s.start = std::stoll(ends[0]);
      if (ends.size() > 1 && !ends[1].empty()) s.stop = std::stoll(ends[1]);
      if (ends.size() > 2 && !ends[2].empty()) s.step = std::stoll(ends[2]);
      out.push_back(s);
    }
  }
  return out;
}

/// set takes a list as braces write it.
inline Tensor replaced(const Tensor& x, const std::vector<Index>& at, const Tensor& value) {
  return at.size() == 1 ? set(x, {at[0]}, value) : set(x, {at[0], at.at(1)}, value);
}
inline Tensor sliced(const Tensor& x, const std::string& text) { return index(x, parse_index(text)); }

/// Zeros of a shape with the operand at a slice. Users reach it only as a slice's gradient, hence by its description.
inline Tensor slice_gradient(const Words& w, Inputs in) {
  Shape shape = w.ints("shape");
  Shape start = Shape::filled(shape.rank(), 0), step = Shape::filled(shape.rank(), 1);
  auto at = parse_index(w.text("index"));
  for (int i = 0; i < shape.rank() && i < static_cast<int>(at.size()); ++i) {
    const Slice& s = at[static_cast<std::size_t>(i)].slice;
    step[i] = s.step;
    start[i] = s.start.value_or(s.step > 0 ? 0 : shape[i] - 1);
  }
  return detail::run(*detail::find_op("slice_gradient"), {start, step, shape}, in[0]);
}

/// The operation of that name, with the attributes that conv2d and pooling have.
inline Tensor on_images(const char* name, const Words& w, Inputs in) {
  std::vector<detail::Attribute> attributes;
  if (w.has("window")) attributes.push_back(w.ints("window"));
  attributes.push_back(w.has("strides") ? w.ints("strides") : Shape{1, 1});
  attributes.push_back(w.ints("padding"));
  if (w.has("dilation")) attributes.push_back(w.ints("dilation"));
  if (w.has("groups")) attributes.push_back(w.integer("groups"));
  if (w.has("shape")) attributes.push_back(w.ints("shape"));
  std::vector<Operand> operands;
  for (auto& t : in) operands.emplace_back(t);
  return detail::dispatch(*detail::find_op(name), operands, attributes);
}

inline std::map<std::string, Call> elementwise_calls() {
  std::map<std::string, Call> calls;
  auto unary = [&](const char* name, Tensor (*f)(TensorOperand)) {
    calls[name] = [f](const Words&, Inputs in) { return f(in[0]); };
  };
  auto binary = [&](const char* name, Tensor (*f)(Operand, Operand)) {
    calls[name] = [f](const Words&, Inputs in) { return f(in[0], in[1]); };
  };
  binary("add", add), binary("subtract", subtract), binary("multiply", multiply), binary("divide", divide);
  binary("floor_divide", floor_divide), binary("mod", mod), binary("pow", pow), binary("maximum", maximum);
  binary("minimum", minimum), binary("equal", equal), binary("not_equal", not_equal), binary("less", less);
  binary("less_equal", less_equal), binary("greater", greater), binary("greater_equal", greater_equal);
  binary("logical_and", logical_and), binary("logical_or", logical_or), binary("logical_xor", logical_xor);
  unary("negative", negative), unary("abs", abs), unary("sign", sign), unary("square", square), unary("sqrt", sqrt);
  unary("rsqrt", rsqrt), unary("reciprocal", reciprocal), unary("exp", exp), unary("expm1", expm1), unary("log", log);
  unary("log1p", log1p), unary("sin", sin), unary("cos", cos), unary("tanh", tanh), unary("sigmoid", sigmoid);
  unary("softplus", softplus), unary("erf", erf), unary("gelu", gelu), unary("relu", relu), unary("floor", floor);
  unary("ceil", ceil), unary("round", round), unary("isnan", isnan), unary("isinf", isinf), unary("isfinite", isfinite);
  unary("logical_not", logical_not), unary("stop_gradient", stop_gradient);
  calls["gelu_exact"] = [](const Words&, Inputs in) { return detail::run(*detail::find_op("gelu_exact"), in[0]); };
  for (const char* name : {"relu_gradient", "gelu_gradient", "gelu_exact_gradient"})
    calls[name] = [name](const Words&, Inputs in) { return detail::run(*detail::find_op(name), in[0], in[1]); };
  calls["contiguous"] = [](const Words&, Inputs in) { return detail::run(*detail::find_op("contiguous"), in[0]); };
  calls["to_device"] = [](const Words&, Inputs in) {
    return detail::run(*detail::find_op("to_device"), {Device()}, in[0]);
  };
  calls["clip"] = [](const Words& w, Inputs in) { return clip(in[0], w.integer("low"), w.integer("high")); };
  calls["where"] = [](const Words&, Inputs in) { return where(in[0], in[1], in[2]); };
  calls["cast"] = [](const Words& w, Inputs in) {
    return detail::run(*detail::find_op("cast"), {dtype_named(w.text("dtype"))}, in[0]);
  };
  return calls;
}

inline std::map<std::string, Call> reduction_calls() {
  std::map<std::string, Call> calls;
  auto reduction = [&](const char* name, Tensor (*f)(const Tensor&, const Axes&, bool, Where)) {
    calls[name] = [f](const Words& w, Inputs in) { return f(in[0], w.axes(), w.flag("keepdims"), Where()); };
  };
  reduction("sum", sum), reduction("mean", mean), reduction("prod", prod), reduction("max", max), reduction("min", min);
  reduction("any", any), reduction("all", all), reduction("norm", norm), reduction("logsumexp", logsumexp);
  auto spread = [&](const char* name, Tensor (*f)(const Tensor&, const Axes&, bool, int, Where)) {
    calls[name] = [f](const Words& w, Inputs in) {
      return f(in[0], w.axes(), w.flag("keepdims"), w.has("ddof") ? static_cast<int>(w.integer("ddof")) : 0, Where());
    };
  };
  spread("variance", variance), spread("std", std);
  auto argument = [&](const char* name, Tensor (*all)(const Tensor&, Where),
                      Tensor (*one)(const Tensor&, int, bool, Where)) {
    calls[name] = [=](const Words& w, Inputs in) {
      return w.has("axis") ? one(in[0], static_cast<int>(w.integer("axis")), w.flag("keepdims"), Where())
                           : all(in[0], Where());
    };
  };
  argument("argmax", argmax, argmax), argument("argmin", argmin, argmin);
  calls["axis_count"] = [](const Words& w, Inputs in) {
    return detail::run(*detail::find_op("axis_count"), {w.ints("axes")}, in[0]);
  };
  return calls;
}

inline std::map<std::string, Call> shape_calls() {
  auto axis = [](const Words& w) { return static_cast<int>(w.integer("axis")); };
  std::map<std::string, Call> calls;
  calls["reshape"] = [](const Words& w, Inputs in) { return reshape(in[0], w.ints("shape")); };
  calls["transpose"] = [](const Words& w, Inputs in) { return transpose(in[0], w.ints("permutation")); };
  calls["broadcast_to"] = [](const Words& w, Inputs in) { return broadcast_to(in[0], w.ints("shape")); };
  calls["squeeze"] = [](const Words& w, Inputs in) { return squeeze(in[0], w.axes()); };
  calls["expand_dims"] = [=](const Words& w, Inputs in) { return expand_dims(in[0], axis(w)); };
  calls["flip"] = [](const Words& w, Inputs in) { return flip(in[0], w.axes()); };
  calls["tile"] = [](const Words& w, Inputs in) { return tile(in[0], w.ints("multiples")); };
  calls["full"] = [](const Words& w, Inputs in) { return full(w.ints("shape"), in[0]); };
  calls["concat"] = [=](const Words& w, Inputs in) { return concat(in, axis(w)); };
  calls["stack"] = [=](const Words& w, Inputs in) { return stack(in, axis(w)); };
  calls["split"] = [=](const Words& w, Inputs in) {
    auto pieces = w.has("parts") ? split(in[0], static_cast<int>(w.integer("parts")), axis(w))
                                 : split(in[0], w.ints("sizes").to_vector(), axis(w));
    return pieces.at(static_cast<std::size_t>(w.integer("pick")));
  };
  calls["pad"] = [](const Words& w, Inputs in) {
    std::vector<std::pair<std::int64_t, std::int64_t>> widths;
    Shape before = w.ints("before"), after = w.ints("after");
    for (int i = 0; i < before.rank(); ++i) widths.emplace_back(before[i], after[i]);
    return pad(in[0], widths, w.real("value"));
  };
  calls["slice"] = [](const Words& w, Inputs in) { return sliced(in[0], w.text("index")); };
  calls["slice_gradient"] = slice_gradient;
  calls["set"] = [](const Words& w, Inputs in) { return replaced(in[0], parse_index(w.text("index")), in[1]); };
  calls["gather"] = [=](const Words& w, Inputs in) { return gather(in[0], in[1], axis(w)); };
  calls["scatter"] = [](const Words& w, Inputs in) { return scatter(in[0], in[1], w.ints("shape")); };
  calls["take_along_axis"] = [=](const Words& w, Inputs in) { return take_along_axis(in[0], in[1], axis(w)); };
  calls["put_along_axis"] = [](const Words& w, Inputs in) {
    return detail::run(*detail::find_op("put_along_axis"), {w.integer("axis"), w.ints("shape")}, in[0], in[1]);
  };
  calls["one_hot"] = [](const Words& w, Inputs in) {
    return one_hot(in[0], w.integer("depth"), dtype_named(w.text("dtype")));
  };
  return calls;
}

inline std::map<std::string, Call> all_calls() {
  std::map<std::string, Call> calls = elementwise_calls();
  calls.merge(reduction_calls());
  calls.merge(shape_calls());
  calls["matmul"] = [](const Words& w, Inputs in) {
    return matmul(in[0], in[1], {.transpose_a = w.flag("transpose_a"), .transpose_b = w.flag("transpose_b")});
  };
  calls["softmax"] = [](const Words& w, Inputs in) { return softmax(in[0], static_cast<int>(w.integer("axis"))); };
  calls["log_softmax"] = [](const Words& w, Inputs in) {
    return log_softmax(in[0], static_cast<int>(w.integer("axis")));
  };
  calls["sparse_softmax_cross_entropy"] = [](const Words&, Inputs in) {
    return sparse_softmax_cross_entropy(in[0], in[1]);
  };
  calls["sparse_cross_entropy_gradient"] = [](const Words&, Inputs in) {
    return detail::run(*detail::find_op("sparse_cross_entropy_gradient"), in[0], in[1], in[2]);
  };
  for (const char* name :
       {"conv2d", "conv2d_input_gradient", "conv2d_filter_gradient", "max_pool2d", "max_pool2d_second",
        "max_pool2d_gradient", "avg_pool2d", "avg_pool2d_gradient"})
    calls[name] = [name](const Words& w, Inputs in) { return on_images(name, w, in); };
  return calls;
}

}  // namespace keen::test
