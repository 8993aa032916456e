// Errors bear the name of the function that was called, whatever it is made of: every public function of the headers below is
// called with mistakes of every kind.
#include <fstream>
#include <functional>
#include <iostream>
#include <set>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

using Call = std::function<void(const Tensor& x, int axis)>;
struct Case {
  const char* name;
  Call call;
};

Tensor of(const Shape& shape, DType dtype = float32) { return ones(shape, {.dtype = dtype}); }

const Tensor undefined;
// What nothing is wrong with.
Tensor labels() { return of({2}, int32); }
Tensor matrix() { return of({2, 3}); }
Tensor mask() { return of({2, 2}, bool_); }
const Shape countless{std::int64_t{1} << 32, std::int64_t{1} << 32};

// What is wrong with (x, axis): undefined, dtypes that are not computed with, an axis that is not there.
std::vector<std::pair<Tensor, int>> mistakes() {
  std::vector<std::pair<Tensor, int>> out{{undefined, 0}, {matrix(), 7}, {of({}), 3}, {of({0, 0}), 0}};
  for (DType d : {bool_, uint64, float16, bfloat16, complex64}) out.emplace_back(of({2, 2}, d), -1);
  return out;
}

#define KEEN_CASE(name, ...)                                                           \
  {                                                                                    \
#name, [](const Tensor& x, int axis) { (void)x, (void)axis, (void)(__VA_ARGS__); } \
  }
#define KEEN_UNARY_CASE(name) KEEN_CASE(name, name(x))
#define KEEN_REDUCTION_CASE(name) KEEN_CASE(name, keen::name(x, axis))
#define KEEN_BINARY_CASE(name) \
  KEEN_CASE(name, name(x, x)), KEEN_CASE(name, name(of({3}), of({5}))), KEEN_CASE(name, name(undefined, x))

std::vector<Case> elementwise_cases() {
  return {
      KEEN_UNARY_CASE(negative),
      KEEN_UNARY_CASE(abs),
      KEEN_UNARY_CASE(sign),
      KEEN_UNARY_CASE(square),
      KEEN_UNARY_CASE(sqrt),
      KEEN_UNARY_CASE(rsqrt),
      KEEN_UNARY_CASE(reciprocal),
      KEEN_UNARY_CASE(exp),
      KEEN_UNARY_CASE(expm1),
      KEEN_UNARY_CASE(log),
      KEEN_UNARY_CASE(log1p),
      KEEN_UNARY_CASE(sin),
      KEEN_UNARY_CASE(cos),
      KEEN_UNARY_CASE(tanh),
      KEEN_UNARY_CASE(sigmoid),
      KEEN_UNARY_CASE(softplus),
      KEEN_UNARY_CASE(erf),
      KEEN_UNARY_CASE(relu),
      KEEN_UNARY_CASE(floor),
      KEEN_UNARY_CASE(ceil),
      KEEN_UNARY_CASE(round),
      KEEN_UNARY_CASE(isnan),
      KEEN_UNARY_CASE(isinf),
      KEEN_UNARY_CASE(isfinite),
      KEEN_UNARY_CASE(gelu),
      KEEN_CASE(gelu, gelu(x, false)),
      KEEN_UNARY_CASE(stop_gradient),
      KEEN_UNARY_CASE(logical_not),
      KEEN_CASE(clip, clip(x, 0, 1)),
      KEEN_CASE(clip, clip(matrix(), of({7}), x)),
      KEEN_CASE(clip_by_value, clip_by_value(x, 0, 1)),
      KEEN_CASE(where, where(x, 1, 2)),
      KEEN_CASE(where, where(mask(), x, of({7}))),
      KEEN_CASE(cast, cast(x, int32)),
      KEEN_CASE(check_numerics, check_numerics(x, "a message")),
      KEEN_CASE(assert_true, (assert_true(x, "a message"), 0)),
      KEEN_CASE(print, (print("undefined", undefined), 0)),
      KEEN_BINARY_CASE(add),
      KEEN_BINARY_CASE(subtract),
      KEEN_BINARY_CASE(multiply),
      KEEN_BINARY_CASE(divide),
      KEEN_BINARY_CASE(floor_divide),
      KEEN_BINARY_CASE(mod),
      KEEN_BINARY_CASE(pow),
      KEEN_BINARY_CASE(maximum),
      KEEN_BINARY_CASE(minimum),
      KEEN_BINARY_CASE(equal),
      KEEN_BINARY_CASE(not_equal),
      KEEN_BINARY_CASE(less),
      KEEN_BINARY_CASE(less_equal),
      KEEN_BINARY_CASE(greater),
      KEEN_BINARY_CASE(greater_equal),
      KEEN_BINARY_CASE(logical_and),
      KEEN_BINARY_CASE(logical_or),
      KEEN_BINARY_CASE(logical_xor),
      KEEN_BINARY_CASE(allclose),
      KEEN_CASE(array_equal, array_equal(x, x)),
      KEEN_CASE(array_equal, array_equal(of({2}, uint64), of({2}, int64))),
  };
}

std::vector<Case> shape_cases() {
  return {
      KEEN_REDUCTION_CASE(sum),
      KEEN_REDUCTION_CASE(prod),
      KEEN_REDUCTION_CASE(mean),
      KEEN_REDUCTION_CASE(max),
      KEEN_REDUCTION_CASE(min),
      KEEN_REDUCTION_CASE(any),
      KEEN_REDUCTION_CASE(all),
      KEEN_REDUCTION_CASE(variance),
      KEEN_REDUCTION_CASE(std),
      KEEN_REDUCTION_CASE(norm),
      KEEN_REDUCTION_CASE(logsumexp),
      KEEN_REDUCTION_CASE(argmax),
      KEEN_REDUCTION_CASE(argmin),
      KEEN_UNARY_CASE(argmax),
      KEEN_UNARY_CASE(argmin),
      KEEN_CASE(mean, mean(x, {0, 0})),
      KEEN_CASE(norm, norm(x, {0, 0})),
      KEEN_CASE(std, keen::std(x, {0, 0})),
      KEEN_CASE(reshape, reshape(x, {7, 7})),
      KEEN_UNARY_CASE(flatten),
      KEEN_UNARY_CASE(transpose),
      KEEN_CASE(transpose, transpose(x, {axis, 0})),
      KEEN_CASE(ensure_shape, ensure_shape(x, {7, 7, 7, 7})),
      KEEN_CASE(squeeze, squeeze(x, axis)),
      KEEN_CASE(expand_dims, expand_dims(x, axis)),
      KEEN_CASE(broadcast_to, broadcast_to(x, {7, 7})),
      KEEN_CASE(broadcast_to, broadcast_to(x, countless)),
      KEEN_CASE(flip, flip(x, axis)),
      KEEN_CASE(concat, concat({x, matrix()}, axis)),
      KEEN_CASE(stack, stack({x, of({2, 2}, int64)}, axis)),
      KEEN_CASE(split, split(x, 3, axis)),
      KEEN_CASE(split, split(x, {1, 4}, axis)),
      KEEN_CASE(unstack, unstack(x, axis)),
      KEEN_CASE(tile, tile(x, {1})),
      KEEN_CASE(tile, tile(x, countless)),
      KEEN_CASE(tile, tile(matrix(), {std::int64_t{1} << 40, 1})),
      KEEN_CASE(pad, pad(x, {{1, 1}, {1, -1}})),
      KEEN_UNARY_CASE(contiguous),
      KEEN_CASE(index, x(0, 9)),
      KEEN_CASE(index, x[9]),
      KEEN_CASE(set, set(x, {0, 9}, 1)),
      KEEN_CASE(set, set(of({2}, int8), {0}, x)),
      KEEN_CASE(gather, gather(x, labels(), axis)),
      KEEN_CASE(gather, gather(matrix(), x)),
      KEEN_CASE(take, take(x, labels(), axis)),
      KEEN_CASE(take, take(matrix(), x)),
      KEEN_CASE(take, take(matrix(), constant({7}))),
      KEEN_CASE(scatter, scatter(x, matrix(), {3})),
      KEEN_CASE(scatter, scatter(labels(), x, {3})),
      KEEN_CASE(take_along_axis, take_along_axis(x, labels(), axis)),
      KEEN_CASE(one_hot, one_hot(x, -1)),
      KEEN_CASE(one_hot, one_hot(constant({7}), 3)),
      KEEN_CASE(clip_by_norm, clip_by_norm(x, 1, axis)),
      KEEN_CASE(clip_by_norm, clip_by_norm(matrix(), -1)),
      KEEN_CASE(clip_by_norm, clip_by_norm(matrix(), matrix())),
      KEEN_CASE(global_norm, global_norm({matrix(), of({2}, float16)})),
      KEEN_CASE(clip_by_global_norm, clip_by_global_norm({of({2}, complex64)}, 1)),
      KEEN_CASE(clip_by_global_norm, clip_by_global_norm({matrix()}, -1)),
  };
}

std::vector<Case> product_cases() {
  return {
      KEEN_BINARY_CASE(matmul),
      KEEN_BINARY_CASE(dot),
      KEEN_CASE(
          matmul, matmul(broadcast_to(of({1, 1}), {countless[0], 1}), broadcast_to(of({1, 1}), {1, countless[0]}))),
      KEEN_CASE(conv2d, conv2d(x, x)),
      KEEN_CASE(conv2d, conv2d(of({1, 4, 4, 2}), of({2, 2, 3, 1}))),
      KEEN_UNARY_CASE(max_pool2d),
      KEEN_UNARY_CASE(avg_pool2d),
      KEEN_CASE(softmax, softmax(x, axis)),
      KEEN_CASE(log_softmax, log_softmax(x, axis)),
      KEEN_CASE(sparse_softmax_cross_entropy, sparse_softmax_cross_entropy(labels(), x)),
      KEEN_CASE(sparse_softmax_cross_entropy, sparse_softmax_cross_entropy(x, matrix())),
      KEEN_BINARY_CASE(softmax_cross_entropy),
      KEEN_CASE(dropout, dropout(x, 0.5)),
      KEEN_CASE(dropout, dropout(matrix(), 0.5, {.seed = 1, .generator = Generator(1)})),
  };
}

std::vector<Case> creation_cases() {
  return {
      KEEN_CASE(constant, constant(x, {.dtype = int8})),
      KEEN_CASE(constant, constant(constant(1.5), {.dtype = int32})),
      KEEN_CASE(constant, constant({Literal(-1), Literal(~std::uint64_t{0})})),
      KEEN_CASE(constant, constant(std::vector<float>{1, 2}, {-1})),
      KEEN_CASE(constant, constant(std::vector<float>{1, 2}, countless)),
      KEEN_CASE(constant, constant(std::vector<bool>{true}, {-1})),
      KEEN_CASE(constant, constant(std::vector<float>{1.5f}, {.dtype = int32})),
      KEEN_CASE(constant, constant({{1, 2}, {3}})),
      KEEN_CASE(from_data, from_data(float32, nullptr, {-2})),
      KEEN_CASE(from_buffer, from_buffer(float32, nullptr, {2})),
      KEEN_CASE(full, full({2}, x)),
      KEEN_CASE(full, full({2}, constant(300), {.dtype = uint8})),
      KEEN_CASE(full, full(countless, 1)),
      KEEN_CASE(zeros, zeros(countless)),
      KEEN_CASE(ones, ones({-1})),
      KEEN_CASE(full_like, full_like(x, matrix())),
      KEEN_CASE(full_like, full_like(labels(), constant(2.5))),
      KEEN_UNARY_CASE(zeros_like),
      KEEN_UNARY_CASE(ones_like),
      KEEN_CASE(eye, eye(-1)),
      KEEN_CASE(linspace, linspace(0, 1, 3, {.dtype = int32})),
      KEEN_CASE(range, range(x).tensor()),
      KEEN_CASE(range, range(0, 1.5, 0.5, {.dtype = int32}).tensor()),
      KEEN_CASE(broadcast_shapes, broadcast_shapes({2}, {3})),
      KEEN_CASE(normal, random::normal(countless)),
      KEEN_CASE(uniform, random::uniform({2}, {.dtype = int8})),
      KEEN_CASE(truncated_normal, random::truncated_normal({2}, {.stddev = -1})),
      KEEN_CASE(integers, random::integers(0, 300, {2}, {.dtype = int8})),
      KEEN_CASE(permutation, random::permutation(-1)),
  };
}

std::vector<Case> training_cases() {
#define KEEN_LOSS_CASE(name)                                                             \
  KEEN_CASE(name, losses::name(x, x)), KEEN_CASE(name, losses::name(matrix(), of({3}))), \
      KEEN_CASE(name, losses::name(undefined, x))
  return {
      KEEN_LOSS_CASE(mean_squared_error),
      KEEN_LOSS_CASE(mean_absolute_error),
      KEEN_LOSS_CASE(huber),
      KEEN_LOSS_CASE(binary_crossentropy),
      KEEN_LOSS_CASE(categorical_crossentropy),
      KEEN_LOSS_CASE(sparse_categorical_crossentropy),
      KEEN_CASE(binary_crossentropy, losses::binary_crossentropy(x, x, {.from_logits = true})),
      KEEN_CASE(categorical_crossentropy, losses::categorical_crossentropy(x, x, {.from_logits = true})),
      KEEN_CASE(sparse_categorical_crossentropy, losses::sparse_categorical_crossentropy(labels(), x)),
      KEEN_CASE(
          sparse_categorical_crossentropy, losses::sparse_categorical_crossentropy(labels(), x, {.from_logits = true})),
      KEEN_CASE(
          sparse_categorical_crossentropy,
          losses::sparse_categorical_crossentropy(labels() + 7, of({2, 2}), {.from_logits = true})),
      KEEN_CASE(confusion_matrix, data::confusion_matrix(x, x, 1)),
      KEEN_CASE(train_test_split, data::train_test_split(x, x)),
      KEEN_CASE(from_tensor_slices, data::from_tensor_slices(x, of({3}))),
      KEEN_CASE(assign, Variable(matrix()).assign(x)),
      KEEN_CASE(assign_add, Variable(matrix()).assign_add(x)),
      KEEN_CASE(assign_sub, Variable(matrix()).assign_sub(x)),
      KEEN_CASE(scatter_add, Variable(matrix()).scatter_add(x, matrix())),
      KEEN_CASE(
          apply_gradients,
          (optimizers::SGD(1).apply_gradients(std::vector{x}, std::vector{Variable(matrix() + 1)}), 0)),
      KEEN_CASE(TensorArray, TensorArray(float32, 3).write(x, matrix())),
      KEEN_CASE(TensorArray, TensorArray(int8, 3).write(0, x)),
      KEEN_CASE(TensorArray, TensorArray::unstack(matrix()).read(x)),
      KEEN_CASE(TensorArray, TensorArray::unstack(matrix()).read(constant(7))),
      KEEN_CASE(TensorArray, TensorArray::unstack(matrix()).read(7)),
      KEEN_CASE(
          cond, cond(
                    x, [] { return Tensor(1); }, [] { return Tensor(2); })),
      KEEN_CASE(
          switch_case, switch_case(
                           x, [] { return Tensor(1); }, [] { return Tensor(2); })),
      KEEN_CASE(
          while_loop,
          while_loop([&](Tensor) { return x; }, [](Tensor i) { return i; }, Tensor(1), {.maximum_iterations = 1})),
      KEEN_CASE(scan, scan([](Tensor s, Tensor) { return s; }, Tensor(1), x)),
      KEEN_CASE(map_fn, map_fn([](Tensor y) { return y; }, x)),
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all = elementwise_cases();
  for (auto more : {shape_cases, product_cases, creation_cases, training_cases})
    for (Case& c : more()) all.push_back(std::move(c));
  return all;
}

// "mean" of "[mean] …"; empty where no name opens the text.
std::string bracketed(const std::string& text) {
  return text.starts_with('[') && text.find("] ") != std::string::npos ? text.substr(1, text.find("] ") - 1) : "";
}
// Does another name follow, as in "[matmul] [shape] …"? That of the allocator is meant to.
bool names_another(const std::string& text) {
  for (auto at = text.find('[', 1); at != std::string::npos; at = text.find('[', at + 1)) {
    const std::string rest = bracketed(text.substr(at));
    if (!rest.empty() && rest != "allocate" &&
        rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz_2") == std::string::npos)
      return true;
  }
  return false;
}

// The functions that a header declares at the start of a line.
std::set<std::string> declared(const char* header) {
  std::ifstream in(std::string(KEEN_TESTS_DIR "/../include/keen/") + header);
  std::set<std::string> names;
  for (std::string line; std::getline(in, line);)
    for (const char* type :
         {"Tensor ", "std::vector<Tensor> ", "std::pair<std::vector<Tensor>, Tensor> ", "bool ", "Range ", "Shape ",
          "void "})
      if (line.starts_with(type) && line.find('(') != std::string::npos) {
        const std::string name = line.substr(std::string(type).size(), line.find('(') - std::string(type).size());
        if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos) names.insert(name);
      }
  return names;
}

}  // namespace

TEST_CASE("errors bear the name of the function that was called", "[negative]") {
  int errors = 0;
  std::set<std::string> silent;
  const auto all = all_cases();
  for (const Case& c : all) silent.insert(c.name);
  for (const Case& c : all)
    for (const auto& [x, axis] : mistakes()) {
      try {
        c.call(x, axis);
      } catch (const Error& error) {
        INFO(c.name << ": " << error.what());
        CHECK(bracketed(error.what()) == c.name);
        CHECK_FALSE(names_another(error.what()));
        silent.erase(c.name);
        ++errors;
      }
    }
  for (const std::string& name : silent) FAIL_CHECK("no mistake was one for " << name);
  std::cout << errors << " errors bear the name of one of the functions called\n";
}

TEST_CASE("the errors of every declared function are looked at", "[negative]") {
  const std::set<std::string> elsewhere{
      "constant_of_elements",
      "constant_of_tensor",
      "constant_of_bools",
      "constant_of_rows",  // parts of constant
      "set_number",        // part of set
      "set_seed",          // takes every number
  };
  std::set<std::string> looked_at;
  for (const Case& c : all_cases()) looked_at.insert(c.name);
  std::size_t found = 0;
  for (const char* header :
       {"ops/arithmetic.h", "ops/clip.h", "ops/debug.h", "ops/indexing.h", "ops/linalg.h", "ops/math.h", "ops/nn.h",
        "ops/reduce.h", "ops/shape.h", "creation.h", "losses/losses.h", "random.h", "shape.h",
        "data/confusion_matrix.h"})
    for (const std::string& name : declared(header)) {
      INFO(header << ": " << name);
      ++found;
      CHECK((looked_at.contains(name) || elsewhere.contains(name)));
    }
  CHECK(found > 120);
}
