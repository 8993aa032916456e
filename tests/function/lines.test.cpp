// Errors of functions that are being traced: the eager text, and the user's own line, for the public functions of every
// header.
#include <functional>

#include "catch.h"
#include "errors.h"
#include "keen/keen.h"

using namespace keen;
using test::error_of, test::traced_at;

namespace {

/// A call that must fail, and the line it stands in.
struct Bad {
  const char* name;
  unsigned line;
  std::function<void(const Tensor& x)> call;
};
// One call a line: the line is what is tested.
#define BAD(...)                                                                                          \
  Bad {                                                                                                   \
#__VA_ARGS__, __LINE__, [](const Tensor& x) { static_cast<void>(x), static_cast<void>(__VA_ARGS__); } \
  }

/// In a function whose last good line is another one.
std::string error_in_trace(const Bad& bad, const Tensor& x) {
  auto f = function([&](const Tensor& argument) {
    const Tensor before = argument + 1;
    bad.call(argument);
    return before;
  });
  return error_of([&] { f(x); });
}

/// Traced, each has its eager text and its line.
void check(const std::vector<Bad>& calls) {
  const Tensor x = ones({2, 3});
  for (const Bad& bad : calls) {
    INFO(bad.name);
    const std::string eager = error_of([&] { bad.call(x); });
    CHECK_FALSE(eager.empty());
    CHECK(error_in_trace(bad, x) == eager + traced_at(bad.line));
  }
}

/// What fails in a trace only has its line.
void check_traced(const std::vector<Bad>& calls) {
  for (const Bad& bad : calls) {
    INFO(bad.name);
    const std::string message = error_in_trace(bad, ones({2, 3}));
    INFO(message);
    CHECK(message.ends_with(traced_at(bad.line)));
  }
}

const Tensor none, two = constant({1.f, 2.f}), truths = constant({true, false});

Variable variable() { return Variable(ones({2, 3}), {.name = "v"}); }

}  // namespace

// clang-format off: one call a line
TEST_CASE("elementwise functions and operators name the line of bad input in a trace", "[function][lines]") {
  check({
      BAD(add(x, two)),
      BAD(subtract(x, two)),
      BAD(multiply(x, two)),
      BAD(divide(x, two)),
      BAD(floor_divide(x, two)),
      BAD(mod(x, two)),
      BAD(pow(x, two)),
      BAD(maximum(x, two)),
      BAD(minimum(x, two)),
      BAD(equal(x, two)),
      BAD(not_equal(x, two)),
      BAD(less(x, two)),
      BAD(less_equal(x, two)),
      BAD(greater(x, two)),
      BAD(greater_equal(x, two)),
      BAD(logical_and(x, x)),
      BAD(logical_or(x, x)),
      BAD(logical_xor(x, x)),
      BAD(logical_not(x)),
      BAD(x + two),
      BAD(x < two),
      BAD(-truths),
      BAD(negative(truths)),
      BAD(abs(truths)),
      BAD(sign(truths)),
      BAD(square(truths)),
      BAD(relu(truths)),
      BAD(sqrt(none)),
      BAD(rsqrt(none)),
      BAD(reciprocal(none)),
      BAD(exp(none)),
      BAD(expm1(none)),
      BAD(log(none)),
      BAD(log1p(none)),
      BAD(sin(none)),
      BAD(cos(none)),
      BAD(tanh(none)),
      BAD(sigmoid(none)),
      BAD(softplus(none)),
      BAD(erf(none)),
      BAD(floor(none)),
      BAD(ceil(none)),
      BAD(round(none)),
      BAD(isnan(none)),
      BAD(isinf(none)),
      BAD(isfinite(none)),
      BAD(gelu(none)),
      BAD(gelu(none, false)),
      BAD(clip(x, two, 3)),
      BAD(clip_by_value(x, two, 3)),
      BAD(clip_by_norm(x, -1)),
      BAD(global_norm({x, cast(x, float16)})),
      BAD(clip_by_global_norm({x}, -1)),
      BAD(where(x, 1, 2)),
      BAD(cast(none, int32)),
      BAD(stop_gradient(none)),
  });
}

TEST_CASE("products, reductions and shapes name the line of bad input in a trace", "[function][lines]") {
  check({
      BAD(matmul(x, x)),
      BAD(dot(x, x)),
      BAD(sum(x, 5)),
      BAD(mean(x, 5)),
      BAD(prod(x, 5)),
      BAD(max(x, 5)),
      BAD(min(x, 5)),
      BAD(any(x, 5)),
      BAD(all(x, 5)),
      BAD(argmax(none)),
      BAD(argmax(x, 5)),
      BAD(argmin(none)),
      BAD(argmin(x, 5)),
      BAD(variance(x, 5)),
      BAD(keen::std(x, 5)),
      BAD(norm(x, 5)),
      BAD(logsumexp(x, 5)),
      BAD(reshape(x, {7})),
      BAD(flatten(none)),
      BAD(transpose(none)),
      BAD(transpose(x, {0})),
      BAD(squeeze(x, 0)),
      BAD(expand_dims(x, 7)),
      BAD(broadcast_to(x, {2, 4})),
      BAD(flip(x, 4)),
      BAD(concat({x, two})),
      BAD(stack({x, two})),
      BAD(split(x, 4)),
      BAD(split(x, std::vector<std::int64_t>{1, 2, 3})),
      BAD(unstack(x, 3)),
      BAD(tile(x, {-1, 1})),
      BAD(pad(x, {{1, 1}})),
      BAD(contiguous(none)),
  });
}

TEST_CASE("indexing, networks and losses name the line of bad input in a trace", "[function][lines]") {
  check({
      BAD(gather(x, x)),
      BAD(take(x, x)),
      BAD(scatter(x, x, {2, 3})),
      BAD(take_along_axis(x, x, 0)),
      BAD(one_hot(x, 3)),
      BAD(x[7]),
      BAD(x[x]),
      BAD(x(0, 0, 0)),
      BAD(x(slice(1), 9)),
      BAD(set(x, {7}, 1.f)),
      BAD(set(x, {0}, ones({5}))),
      BAD(conv2d(x, x)),
      BAD(max_pool2d(x)),
      BAD(avg_pool2d(x)),
      BAD(softmax(x, 4)),
      BAD(softmax(none)),
      BAD(log_softmax(x, 4)),
      BAD(log_softmax(none)),
      BAD(sparse_softmax_cross_entropy(x, x)),
      BAD(softmax_cross_entropy(two, x[0])),
      BAD(dropout(x, 2)),
      BAD(losses::mean_squared_error(x, two)),
      BAD(losses::mean_absolute_error(x, two)),
      BAD(losses::huber(x, two)),
      BAD(losses::binary_crossentropy(x, two)),
      BAD(losses::categorical_crossentropy(x, two)),
      BAD(losses::sparse_categorical_crossentropy(x, two)),
      BAD(data::confusion_matrix(x, x, 1)),
      BAD(nn::Flatten()(none)),
      BAD(nn::Dense(2)(ones({}))),
      BAD(nn::Sequential{nn::Dense(2)}(ones({}))),
      BAD(nn::LSTMCell(2)(ones({2}), {})),
      BAD(nn::RNN(nn::LSTMCell(2))(x)),
  });
}

TEST_CASE("creators, draws and checks name the line of bad input in a trace", "[function][lines]") {
  check({
      BAD(zeros({1 << 30, 1 << 30, 1 << 30})),
      BAD(ones({1 << 30, 1 << 30, 1 << 30})),
      BAD(full({2}, 1.5, {.dtype = int32})),
      BAD(zeros_like(none)),
      BAD(ones_like(none)),
      BAD(full_like(none, 1)),
      BAD(eye(-1)),
      BAD(linspace(0, 1, -1)),
      BAD(range(0, 1, 0).tensor()),
      BAD(constant({{1, 2}, {3}})),
      BAD(random::normal({1 << 30, 1 << 30, 1 << 30})),
      BAD(random::truncated_normal({2}, {.stddev = -1})),
      BAD(random::uniform({2}, {.low = 2, .high = 1})),
      BAD(random::integers(3, 1, {2})),
      BAD(random::permutation(-1)),
      BAD(check_numerics(none, "x")),
      BAD(assert_true(x, "x")),
      BAD(named(x, "")),
  });
}

TEST_CASE("methods of tensors and variables name the line of bad input in a trace", "[function][lines]") {
  check({
      BAD(x.reshape({7})),   BAD(none.flatten()),   BAD(none.transpose()),  BAD(x.transpose({0})), BAD(x.squeeze(0)),
      BAD(x.expand_dims(7)), BAD(none.cast(int32)), BAD(none.contiguous()), BAD(none.cpu()),       BAD(x.dim(7)),
      BAD(x.sum(5)),         BAD(x.mean(5)),        BAD(x.max(5)),          BAD(x.min(5)),         BAD(x.any(5)),
      BAD(x.all(5)),         BAD(x.argmax(5)),      BAD(x.argmin(5)),       BAD(none.argmax()),    BAD(none.argmin()),
  });
  static const Variable v = variable();
  check({
      BAD(v.assign(two)),
      BAD(v.assign_add(two)),
      BAD(v.assign_sub(two)),
      BAD(v += two),
      BAD(v.scatter_update(x, x)),
      BAD(v.scatter_add(x, x)),
      BAD(v.scatter_sub(x, x)),
      BAD(v.reshape({7})),
      BAD(v.sum(5)),
      BAD(v[7]),
      BAD(v[x]),
      BAD(v(0, 0, 0)),
      BAD(matmul(v, v)),
  });
}

TEST_CASE("tapes and optimizers name the line of bad input in a trace", "[function][lines]") {
  static const Variable v = variable();
  static const optimizers::SGD sgd(0.1);
  const auto asked_twice = [](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = sum(x * x);
    tape.gradient(y, x);
    tape.gradient(y, x);  // the line
  };
  check({
      {"gradient", __LINE__ - 3, asked_twice},
      BAD(GradientTape().watch(none)),
      BAD(sgd.apply_gradients(std::vector<Tensor>(), {v})),
      BAD(sgd.minimize([] { return Tensor(1.f); }, {v})),
  });
}

TEST_CASE("control flow and tensor arrays name the line of bad input in a trace", "[function][lines]") {
  static const TensorArray array(float32, 3, {.element_shape = Shape{2}});
  check({
      BAD(scan([](const Tensor& s, const Tensor&) { return s; }, x, Tensor(1))),
      BAD(map_fn([](const Tensor& s) { return s; }, Tensor(1))),
      BAD(range(x, carry(const_cast<Tensor&>(x)))),
      BAD(TensorArray::unstack(Tensor(1))),
      BAD(array.write(0, x)),
      BAD(array.write(7, two)),
      BAD(array.write(Tensor(7), two)),
      BAD(array.read(7)),
      BAD(array.read(Tensor(-1))),
      BAD(TensorArray(float32, 3).stack()),
  });
  check_traced({
      BAD(cond(
          x, [&] { return x; }, [&] { return x; })),
      BAD(cond(
          x[0][0] > 0, [&] { return x; }, [&] { return x[0]; })),
      BAD(switch_case(
          cast(x[0][0], int32), [&] { return x; }, [&] { return x[0]; })),
      BAD(while_loop([](const Tensor& s) { return s; }, [](const Tensor& s) { return s; }, x)),
      BAD(while_loop([](const Tensor& s) { return sum(s) > 0; }, [](const Tensor& s) { return s[0]; }, x)),
      BAD(scan([](const Tensor& s, const Tensor&) { return s[0]; }, x, x)),
  });
}
// clang-format on

TEST_CASE("a function that the standard library calls names no line inside it", "[function][lines]") {
  const std::function<Tensor(const Tensor&)> step = logical_not;
  auto f = function([&](const Tensor& x) {
    const Tensor y = x + 1;
    return step(y);
  });
  CHECK(error_of([&] { f(two); }).ends_with(traced_at(__LINE__ - 3)));
}
