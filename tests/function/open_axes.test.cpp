// Every operation with an axis or a shape, along an axis whose size the trace does not know: values and gradients are those
// of eager code at each size.
#include <set>

#include "catch.h"
#include "function/staged_ops.h"
#include "function/traced.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// A result for a tensor of three axes, of which `axis` is the one that matters.
struct Row {
  const char* text;
  Tensor (*call)(const Tensor& x, int axis);
};
#define ROW(...)                                                                                           \
  Row {                                                                                                    \
#__VA_ARGS__, [](const Tensor& x, int axis) -> Tensor { return static_cast<void>(axis), __VA_ARGS__; } \
  }
/// Without a gradient along an open axis.
#define FLAT(...) ROW(stop_gradient(cast(__VA_ARGS__, float32)))

Tensor at(const Tensor& x, int axis, const Index& i) {
  std::vector<Index> indices(3, all_of);
  indices[static_cast<std::size_t>(axis)] = i;
  return index(x, indices);
}
/// The axis first.
Tensor front(const Tensor& x, int axis) {
  return transpose(x, axis == 0 ? Shape{0, 1, 2} : axis == 1 ? Shape{1, 0, 2} : Shape{2, 0, 1});
}
Tensor counted(Size n, const TensorOptions& options = {.dtype = float32}) { return range(n, options).tensor(); }
Shape with(Shape shape, int axis, Size size) {
  shape[axis] = size.symbol();
  return shape;
}
std::vector<std::pair<std::int64_t, std::int64_t>> widths(int axis) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out(3, {0, 0});
  out[static_cast<std::size_t>(axis)] = {1, 2};
  return out;
}
Tensor summed(const Tensor& x) {
  Tensor total = sum(x, 0) * 0;
  for (Tensor i : range(x.dim(0), carry(total))) total = total * .5f + x[i];
  return total;
}
Tensor arrayed(const Tensor& x) {
  const TensorArray given = TensorArray::unstack(x);
  TensorArray out(float32, x.dim(0));
  for (Tensor i : range(x.dim(0), carry(out))) out = out.write(i, given.read(i) * 2);
  return out.stack();
}
Tensor logits(const Tensor& x, int axis) { return reshape(front(x, axis), {x.dim(axis), -1}); }

// clang-format off: one call a line
const std::vector<Row> rows{
    // reductions
    ROW(sum(x, axis)),
    ROW(sum(x, {axis, axis == 0 ? 1 : 0}, true)),
    ROW(sum(x)),
    ROW(mean(x, axis, true)),
    ROW(prod(x, axis)),
    ROW(prod(x)),
    ROW(max(x, axis)),
    ROW(min(x, axis)),
    FLAT(any(x > 0.9, axis)),
    FLAT(all(x > -0.9, axis)),
    FLAT(argmax(x, axis)),
    FLAT(argmin(x, axis, true)),
    FLAT(argmax(x)),
    ROW(variance(x, axis, true, 1)),
    ROW(keen::std(x, axis)),
    ROW(norm(x, axis)),
    ROW(logsumexp(x, axis)),
    ROW(softmax(x, axis)),
    ROW(log_softmax(x, axis)),
    ROW(clip_by_norm(x, 1, axis)),
    ROW(clip_by_norm(x, x.dim(axis), axis)),
    // slices
    ROW(at(x, axis, 0)),
    ROW(at(x, axis, -1)),
    ROW(at(x, axis, -2)),
    ROW(at(x, axis, slice(1, {}))),
    ROW(at(x, axis, slice({}, -1))),
    ROW(at(x, axis, slice(1, -1))),
    ROW(at(x, axis, slice({}, {}, 2))),
    ROW(at(x, axis, slice({}, {}, -1))),
    ROW(at(x, axis, slice(-2, {}))),
    ROW(at(x, axis, slice(-1, 0, -2))),
    ROW(at(x, axis, slice(50))),
    ROW(at(x, axis, slice(-50, 3))),
    ROW(at(x, axis, slice(3, 1))),
    ROW(at(x, axis, slice(1, 5, 3))),
    ROW(at(x, axis, slice(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()))),
    ROW(at(x, axis, x.dim(axis) - 1)),
    ROW(at(x, axis, slice(x.dim(axis) / 2, x.dim(axis)))),
    ROW(at(x, axis, slice(0, x.dim(axis) - 3))),
    ROW(at(x, axis, slice(1, {})) - at(x, axis, slice({}, -1))),
    ROW(set(front(x, axis), {-1}, 2.f)),
    ROW(set(front(x, axis), {slice(1, {})}, front(x, axis)[0])),
    ROW(flip(x, axis)),
    ROW(flip(x)),
    ROW(front(x, axis)[0]),
    ROW(front(x, axis)[-1]),
    ROW(front(x, axis)[x.dim(axis) - 1]),
    // joins and parts
    ROW(concat({x, x * 2, x}, axis)),
    ROW(concat({at(x, axis, slice(1)), x}, axis)),
    ROW(stack({x, x * 2}, axis)),
    ROW(split(x, 2, axis)[1]),
    ROW(concat(split(x, 2, axis), axis) + x),
    ROW(tile(x, with({1, 1, 1}, axis, Size(2)))),
    ROW(tile(x, {2, 3, 1})),
    ROW(tile(x, with({1, 1, 1}, axis, x.dim(axis)))),
    ROW(pad(x, widths(axis), 7)),
    ROW(at(pad(x, widths(axis)), axis, slice(1, -2)) + x),
    // shapes
    ROW(reshape(x, {-1})),
    ROW(flatten(x)),
    ROW(reshape(x, {x.dim(0) * x.dim(1), x.dim(2)})),
    ROW(reshape(x, {x.dim(axis), -1})),
    ROW(reshape(x, {-1, 2})),
    ROW(reshape(x, {2, -1, x.dim(axis)})),
    ROW(transpose(x)),
    ROW(front(x, axis)),
    ROW(expand_dims(x, axis)),
    ROW(squeeze(expand_dims(x, axis), axis)),
    ROW(broadcast_to(at(x, axis, slice(1)), x.shape())),
    ROW(broadcast_to(x, {2, x.dim(0), x.dim(1), x.dim(2)})),
    ROW(contiguous(front(x, axis))),
    ROW(x + at(x, axis, slice(1))),
    // indices
    ROW(gather(x, constant({0, 1, -1}), axis)),
    ROW(gather(x, counted(x.dim(axis), {}), axis)),
    ROW(front(x, axis)[counted(x.dim(axis), {})]),
    ROW(take_along_axis(x, argmax(x, axis, true), axis)),
    ROW(take_along_axis(x, zeros(x.shape(), {.dtype = int64}), axis)),
    ROW(scatter(counted(x.dim(axis), {}), front(x, axis), front(x, axis).shape())),
    FLAT(one_hot(argmax(x, axis), x.dim(axis))),
    ROW(summed(front(x, axis))),
    ROW(arrayed(front(x, axis))),
    ROW(scan([](const Tensor& s, const Tensor& row) { return s + row; }, front(x, axis)[0], front(x, axis))),
    ROW(map_fn([](const Tensor& row) { return row * 2; }, front(x, axis))),
    // products and losses
    ROW(matmul(x, x, {.transpose_b = true})),
    ROW(matmul(front(x, axis), front(x, axis), {.transpose_a = true})),
    ROW(dot(flatten(x), flatten(x))),
    ROW(softmax_cross_entropy(softmax(logits(x, axis)), logits(x, axis))),
    ROW(sparse_softmax_cross_entropy(argmax(logits(x, axis), 1), logits(x, axis))),
    ROW(where(x > 0, x, 0)),
    ROW(where(x > 0, x, at(x, axis, slice(1)))),
    // sizes
    ROW(sum(x) / x.dim(axis)),
    ROW(x* x.dim(axis) - 1),
    FLAT(cast(x * 9, int32) * x.dim(axis) + x.dim(0) * x.dim(1)),
    ROW(x* Tensor(x.dim(axis) % 3)),
    ROW(x / max(x.dim(axis), 3)),
    ROW(zeros({x.dim(axis), 3}) + sum(x)),
    ROW(full({x.dim(axis) + 1}, sum(x))),
    ROW(ones(2 * x.dim(axis) - 1) * sum(x)),
    ROW(full(x.dim(axis), x.dim(0))),
    ROW(zeros_like(x)),
    ROW(ones_like(x) * x),
    ROW(eye(x.dim(axis))),
    ROW(eye(x.dim(axis), x.dim(axis) + 1, 1)),
    ROW(eye(3, x.dim(axis), -1)),
    ROW(linspace(0, 1, x.dim(axis))),
    FLAT(range(x.dim(axis))),
    FLAT(range(1, x.dim(axis), 2)),
    FLAT(range(x.dim(axis), -2, -3)),
    ROW(front(x, axis) * reshape(counted(x.dim(axis)), {-1, 1, 1})),
    // draws
    ROW(random::normal({x.dim(axis), 2}, {.seed = 1}) + sum(x)),
    ROW(random::truncated_normal(x.shape(), {.seed = 2}) * x),
    ROW(random::uniform(x.dim(axis), {.seed = 3})),
    FLAT(random::integers(0, 9, x.shape(), {.seed = 4})),
    FLAT(random::permutation(x.dim(axis), {.seed = 5})),
    ROW(dropout(x, .5, {.seed = 6})),
};
// clang-format on

/// The value and the gradient of its squares; wherever it is run.
std::pair<Tensor, Tensor> with_gradient(const Row& row, const Tensor& x, int axis) {
  GradientTape tape;
  tape.watch(x);
  const Tensor y = row.call(x, axis);
  return {y, tape.gradient(sum(square(cast(y, float32))), x, {.unconnected = Unconnected::zero})};
}

/// A specification in which `axis` is open, or all are.
TensorSpec open(int axis, bool all) {
  Shape shape{4, 2, 6};
  for (int i = 0; i < 3; ++i)
    if (all || i == axis) shape[i] = unknown;
  return TensorSpec(shape);
}
/// Shapes that fit it.
std::vector<Shape> sizes(int axis, bool all) {
  if (all) return {{4, 2, 6}, {2, 4, 2}, {6, 6, 4}};
  std::vector<Shape> out;
  for (std::int64_t n : {2, 4, 8}) out.push_back(with({4, 2, 6}, axis, Size(n)));
  return out;
}

Tensor numbers(const Shape& shape) {
  const auto n = shape.num_elements();
  return reshape(sin(Tensor(range(n, {.dtype = float32})) * 1.7f + .3f), shape);
}

/// "" where both agree.
std::string difference(const char* what, const Tensor& wanted, const Tensor& found, double tolerance) {
  std::ostringstream out;
  if (found.shape() != wanted.shape()) out << what << " of shape " << found.shape() << ", not " << wanted.shape();
  else if (!allclose(found, wanted, tolerance, tolerance, true)) out << what << ' ' << found << ", not " << wanted;
  return out.str();
}

/// Along an axis of no element, or of one, many a row raises: then so does the compiled one.
template <class F>
std::string compare_at_the_edge(const Row& row, F& f, const Tensor& x, int axis) {
  using Result = std::optional<std::pair<Tensor, Tensor>>;
  const auto result = [](const auto& call) -> Result {
    try {
      auto [y, dx] = call();
      return std::pair{y, dx};
    } catch (const Error&) {
      return std::nullopt;
    }
  };
  const Result wanted = result([&] { return with_gradient(row, x, axis); }), found = result([&] { return f(x); });
  if (!wanted && !found) return "";
  const bool is_array = std::string_view(row.text).starts_with("arrayed");  // a trace knows the form of elements
  if (!wanted) return is_array ? "" : "raises eagerly alone";
  if (!found) return "raises compiled alone";
  const std::string problem = difference("value", wanted->first, found->first, 1e-5);
  return problem.empty() ? difference("gradient", wanted->second, found->second, 1e-4) : problem;
}

/// What is wrong with a row, where `axis` is open, or all are; "" for nothing.
std::string compare(const Row& row, int axis, bool all) try {
  auto f =
      function([&](const Tensor& x) { return with_gradient(row, x, axis); }, {.input_signature = {open(axis, all)}});
  for (const Shape& shape : sizes(axis, all)) {
    const Tensor x = numbers(shape);
    const auto [y, dx] = with_gradient(row, x, axis);
    const auto [found, gradient] = f(x);
    std::string problem = difference("value", y, found, 1e-5);
    if (problem.empty()) problem = difference("gradient", dx, gradient, 1e-4);
    if (!problem.empty()) return problem + " for " + shape.to_string();
  }
  for (std::int64_t n : {1, 0}) {
    const Tensor x = numbers(with({4, 2, 6}, axis, Size(n)));
    if (const auto problem = compare_at_the_edge(row, f, x, axis); !problem.empty())
      return problem + " for " + x.shape().to_string();
  }
  return f.trace_count() == 1 ? "" : "traced again";
} catch (const std::exception& error) {
  return error.what();
}

void check(bool all) {
  for (const Row& row : rows)
    for (int axis = 0; axis < 3; ++axis) {
      INFO(row.text << ", axis " << axis);
      CHECK(compare(row, axis, all) == "");
    }
}

/// The operations of a graph, and of the parts that its nodes hold.
void note_operations(const detail::Graph& graph, std::set<std::string>& names) {
  for (const auto& node : graph.nodes) {
    names.insert(node.op->name);
    for (const detail::Part* part : detail::parts_of(node)) note_operations(part->graph(), names);
  }
}

/// The operations of a row's trace.
std::set<std::string> operations(const Row& row) {
  std::set<std::string> out;
  const auto graph = test::traced({open(0, true)}, [&](const std::vector<Tensor>& in) {
    const auto [y, dx] = with_gradient(row, in[0], 0);
    return std::vector{y, dx};
  });
  note_operations(*graph, out);
  return out;
}

// Those that have neither an axis nor a shape, or none of a tensor's, and those that other tests of open sizes call.
const std::set<std::string> elsewhere{
    "adam_update",
    "adam_update_rows",
    "assert_true",
    "assign",
    "assign_add",
    "assign_sub",
    "avg_pool2d",
    "avg_pool2d_gradient",
    "branch",
    "branch_with_effects",
    "check_numerics",
    "compiled_call",
    "ensure_shape",  // open_sizes.test.cpp
    "conv2d",
    "conv2d_filter_gradient",
    "conv2d_input_gradient",
    "custom_function",
    "first_occurrences",
    "id",
    "loop_with_effects",
    "max_pool2d",
    "max_pool2d_gradient",
    "max_pool2d_second",
    "momentum_update",
    "momentum_update_rows",
    "no_turns",
    "own_gradient",
    "print",
    "read_variable",
    "row_numbers",
    "same",
    "scatter_assign",
    "sgd_update",
    "sgd_update_rows",
    "staged",
    "to_device"};

}  // namespace

TEST_CASE("operations along one open axis give what eager code gives", "[function][sizes]") { check(false); }
TEST_CASE("operations on tensors whose axes are all open give what eager code gives", "[function][sizes]") {
  check(true);
}

TEST_CASE("no operation with an axis or a shape lacks a row of open axes", "[function][sizes]") {
  std::set<std::string> called;
  for (const Row& row : rows) called.merge(operations(row));
  for (const detail::Op* op : detail::all_ops()) {
    INFO(op->name);
    CHECK((op->is_elementwise() || called.contains(op->name)) != elsewhere.contains(op->name));
  }
}
