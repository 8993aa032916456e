// Every operation gives the same bits with 1, 2 and 4 threads, at sizes that are split. The list of operations is the
// descriptions', so that none can be forgotten.
#include <iostream>
#include <set>

#include "calls.h"
#include "catch.h"
#include "core/op.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/device.h"
#include "keen/optimizers/optimizers.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::test;

namespace {

// name | attributes | operands | dtypes, in the words of tests/ops/reference.txt, at sizes of several chunks.
constexpr const char* large[] = {
    "sum | | 300x701:c:real | int16 float32 float64",
    "sum | axes=0 | 300x701:c:real | float32 float64",
    "sum | axes=1 | 300x701:t:real | bool float32",
    "sum | axes=0,2 | 40x70x90:t:real | float32",
    "sum | axes=1 | 2x200003:c:real | float32",
    "sum | axes=0 | 200003x2:s:real | float64",
    "prod | axes=0 | 300x701:c:unit | float32",
    "prod | | 300x701:c:small | int32",
    "max | | 300x701:c:wide | int8 float32",
    "max | axes=1 | 300x701:s:wide | float64",
    "min | axes=0 | 300x701:t:wide | float32 uint8",
    "any | axes=1 | 300x701:c:small | bool int32",
    "all | axes=0 | 300x701:c:small | bool float32",
    "argmax | | 300x701:c:small | float32 int8",
    "argmax | axis=0 | 300x701:c:wide | float32",
    "argmin | axis=1 | 300x701:t:small | float64",
    "mean | axes=0 | 300x701:c:real | float32 int32",
    "variance | axes=1 | 300x701:c:real | float32",
    "logsumexp | axes=0 | 300x701:c:real | float32",
    "axis_count | axes=0,1 | 300x701:c:real | float32",
    "reshape | shape=701,-1 | 300x701:t:real | int16 float32",
    "transpose | permutation=2,0,1 | 40x70x90:c:real | float32",
    "contiguous | | 300x701:t:real | bool int16 float32 float64",
    "contiguous | | 300x701:s:real | float32",
    "broadcast_to | shape=50,300,70 | 300x1:c:real | float32",
    "to_device | | 300x701:t:real | float32",
    "stop_gradient | | 300x701:t:real | float32",
    "concat | axis=1 | 300x401:t:real 300x300:s:real | float32",
    "concat | axis=0 | 300x401:c:real 200x401:c:real | int8 float64",
    "pad | before=3,2 after=1,4 value=1 | 300x701:t:real | float32",
    "full | shape=300,701 | -:c:real | bool float32",
    "where | | 300x701:c:real:bool 300x701:t:real 701:c:real | int32 float32",
    "cast | dtype=int8 | 300x701:c:wide | float32 int64",
    "cast | dtype=float16 | 300x701:t:wide | float32 float64",
    "cast | dtype=bfloat16 | 300x701:c:wide | float32",
    "cast | dtype=float64 | 300x701:s:wide | float32 uint8",
    "slice | index=1:/::-2 | 300x701:c:real | float32",
    "slice_gradient | shape=600,701 index=::2 | 300x701:c:real | float32",
    "set | index=1:/::-2 | 300x701:c:real 351:c:real | float32",
    "gather | axis=0 | 300x701:c:real 500:c:index300:int32 | float32 int8",
    "gather | axis=1 | 300x701:t:real 40x30:c:index701:int64 | float32",
    "scatter | shape=300,701 | 900:c:index300:int64 900x701:c:real | float32 int32",
    "take_along_axis | axis=1 | 300x701:c:real 300x1000:c:index701:int32 | float32",
    "put_along_axis | axis=1 shape=300,701 | 300x1000:c:index701:int32 300x1000:c:real | float32 int64",
    "put_along_axis | axis=0 shape=300,701 | 1000x701:c:index300:int32 1000x701:c:real | float32",
    "one_hot | depth=70 dtype=float32 | 5000:c:label70 | int32",
    "matmul | | 300x401:c:real 401x350:t:real | int32 float32 float64",
    "matmul | transpose_a=1 | 1001x20:c:real 1001x300:c:real | float32",
    "matmul | | 3000x200:c:real 200:c:real | float32 float64",
    "matmul | | 1x300001:c:real 300001x1:c:real | float32",
    "matmul | | 40x30x64:c:real 64x50:c:real | float32",
    "matmul | | 20x50x64:t:real 20x64x33:c:real | float32 float64",
    "softmax | axis=-1 | 300x701:c:real | float32 float64",
    "softmax | axis=0 | 300x701:c:real | float32",
    "log_softmax | axis=-1 | 300x701:t:real | float32 float64",
    "sparse_softmax_cross_entropy | | 3000:c:label70:int32 3000x70:c:real | float32 float64",
    "sparse_cross_entropy_gradient | | 3000:c:label70:int32 3000x70:c:real 3000:c:real | float32",
    "conv2d | strides=1,1 padding=1,1,1,1 dilation=1,1 groups=1 | 8x28x28x3:c:unit 3x3x3x16:c:unit | float32 float64",
    "conv2d | strides=2,2 padding=0,0,0,0 dilation=1,1 groups=2 | 8x28x28x4:c:unit 3x3x2x8:c:unit | float32",
    "conv2d_input_gradient | shape=8,28,28,3 strides=1,1 padding=1,1,1,1 dilation=1,1 groups=1 | 3x3x3x16:c:unit "
    "8x28x28x16:c:unit | float32 float64",
    "conv2d_filter_gradient | shape=3,3,3,16 strides=1,1 padding=1,1,1,1 dilation=1,1 groups=1 | 8x28x28x3:c:unit "
    "8x28x28x16:c:unit | float32 float64",
    "max_pool2d | window=2,2 strides=2,2 padding=0,0,0,0 | 8x28x28x16:c:small | float32",
    "max_pool2d_gradient | window=3,3 strides=2,2 padding=0,0,0,0 | 8x29x29x16:c:small 8x14x14x16:c:unit | float32",
    "max_pool2d_second | window=3,3 strides=2,2 padding=0,0,0,0 | 8x29x29x16:c:small 8x29x29x16:c:unit | float32",
    "avg_pool2d | window=3,3 strides=1,1 padding=1,1,1,1 | 8x28x28x16:c:unit | float32 float64",
    "avg_pool2d_gradient | shape=8,28,28,16 window=3,3 strides=1,1 padding=1,1,1,1 | 8x28x28x16:c:unit | float32",
};

// An operand like support/inputs.h makes it, but with the elements of a short one over and over: large ones take time.
Tensor large_operand(const std::string& spec, DType dtype, std::uint64_t seed) {
  auto words = parts(spec, ':');
  const Shape shape = shape_from(words[0]);
  if (words.size() > 3) dtype = dtype_named(words[3]);
  const std::int64_t period = 1009;
  Tensor few = drawn(dtype, {period}, words[2], seed);
  auto dense = [&](const Shape& s) {
    const std::int64_t n = s.num_elements();
    return reshape(tile(few, {n / period + 1})(slice(n)), s);
  };
  if (words[1] == "t") {
    Shape reversed = shape;
    std::reverse(reversed.begin(), reversed.end());
    return transpose(dense(reversed));
  }
  if (words[1] == "s") {
    Shape wide = shape;
    wide[-1] *= 2;
    return dense(wide)(ellipsis, slice({}, {}, -2));
  }
  return dense(shape);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.contiguous(), y = b.contiguous();
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(x.impl()->data, y.impl()->data, x.nbytes()) == 0;
}

// Runs f with 1, 2 and 4 threads and compares the bits of the tensors it gives.
void check_threads(const std::function<std::vector<Tensor>()>& f) {
  const int before = num_threads();
  set_num_threads(1);
  const auto wanted = f();
  for (int threads : {2, 4}) {
    set_num_threads(threads);
    const auto got = f();
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO(threads << " threads, result " << i);
      CHECK(same_bits(got[i], wanted[i]));
    }
  }
  set_num_threads(before);
}

const char* domain_name(detail::Domain domain) {
  switch (domain) {
    case detail::Domain::positive:
      return "positive";
    case detail::Domain::nonzero:
      return "nonzero";
    case detail::Domain::unit:
      return "unit";
    default:
      return "real";
  }
}

// What variables hold after an update.
std::vector<Tensor> updated(const std::function<void(Variable&)>& update) {
  Variable v(large_operand("300x701:c:real", float32, 1));
  update(v);
  return {v};
}

std::vector<Tensor> trained(const optimizers::Optimizer& optimizer) {
  Variable v(large_operand("300x701:c:real", float32, 1));
  const Tensor rows = large_operand("5000:c:index300", int64, 2);
  for (int i = 0; i < 2; ++i) optimizer.apply_gradients({large_operand("300x701:t:real", float32, 3)}, {v});
  GradientTape tape;
  Tensor y = sum(square(gather(v.value(), rows)));
  optimizer.apply_gradients({tape.gradient(y, v)}, {v});  // sparse
  std::vector<Tensor> out{v};
  for (auto& slot : optimizer.variables()) out.push_back(slot);
  return out;
}

using Program = std::function<std::vector<Tensor>()>;
// Effects and draws.
std::map<std::string, Program> programs() {
  const Shape shape{300, 701};
  const Tensor x = large_operand("300x701:t:real", float32, 4), rows = large_operand("900:c:index300", int64, 5);
  const Tensor updates = large_operand("900x701:c:real", float32, 6);
  return {
      {"assign", [=] { return updated([&](Variable& v) { v.assign(x); }); }},
      {"assign_add", [=] { return updated([&](Variable& v) { v.assign_add(x); }); }},
      {"assign_sub", [=] { return updated([&](Variable& v) { v.assign_sub(x[0]); }); }},
      {"scatter_assign",
       [=] { return updated([&](Variable& v) { v.scatter_add(rows, updates).scatter_update(rows, updates); }); }},
      {"sgd_update", [] { return trained(optimizers::SGD(0.1)); }},
      {"momentum_update", [] { return trained(optimizers::SGD(0.1, {.momentum = 0.9})); }},
      {"adam_update", [] { return trained(optimizers::Adam(0.1)); }},
      {"random_uniform",
       [=] {
         return std::vector{random::uniform(shape, {.seed = 1}), random::uniform(shape, {.dtype = float64, .seed = 1})};
       }},
      {"random_normal",
       [=] {
         return std::vector{random::normal(shape, {.seed = 1}), random::normal(shape, {.dtype = float64, .seed = 1})};
       }},
      {"random_truncated_normal", [=] { return std::vector{random::truncated_normal(shape, {.seed = 1})}; }},
      {"random_integers", [=] { return std::vector{random::integers(-7, 1000, shape, {.seed = 1})}; }},
      {"random_permutation", [] { return std::vector{random::permutation(200'000, {.seed = 1})}; }},
  };
}

// Operations without a run of their own here, and why.
const std::map<std::string, const char*> exempt = {
    {"read_variable", "only in traces, where it hands on a value"},
    {"size", "one number, of no tensor"},
    {"largest", "the kernel of max; logsumexp has cases"},
    {"positions", "counts in one thread"},
    {"custom_function", "the user's own operations"},
    {"own_gradient", "only in traces, the identity"},
    {"compiled_call", "a compiled function as a tape sees it: tests/function/gradients.test.cpp"},
    {"print", "its result is what it prints"},
    {"assert_true", "it has no result"},
    {"check_numerics", "a copy"},
    {"ensure_shape", "a view"},
    {"sgd_update_rows", "with sgd_update"},
    {"momentum_update_rows", "with momentum_update"},
    {"adam_update_rows", "with adam_update"},
    {"row_numbers", "a copy"},
    {"first_occurrences", "one thread"},
    {"set_row", "a copy"},
    {"get_row", "a copy"},
    {"no_turns", "only to tapes, the identity"},
    {"branch", "runs a graph of these operations"},
    {"branch_with_effects", "the same"},
    {"loop", "the same"},
    {"loop_with_effects", "the same"},
    {"same", "only to tapes, the identity"},
    {"sum_to", "only in traces: tests/function/open_sizes.test.cpp"},
    {"staged", "only in traces, where it hands on a value"},
};

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> out{""};
  for (char c : line)
    if (c == '|') out.emplace_back();
    else out.back() += c;
  for (auto& f : out) f = f.substr(std::min(f.find_first_not_of(' '), f.size()));
  out[0].resize(out[0].find_last_not_of(' ') + 1);
  return out;
}

}  // namespace

TEST_CASE("every operation has a run at several numbers of threads", "[determinism]") {
  std::set<std::string> covered;
  for (const char* line : large) covered.insert(fields(line)[0]);
  for (auto& [name, program] : programs()) covered.insert(name);
  for (const detail::Op* op : detail::all_ops()) {
    INFO(op->name);
    CHECK((op->is_elementwise() || covered.contains(op->name)) != exempt.contains(op->name));
  }
}

TEST_CASE("elementwise operations give the same bits with 1, 2 and 4 threads", "[determinism]") {
  int runs = 0;
  for (const detail::Op* op : detail::all_ops()) {
    if (!op->is_elementwise()) continue;
    for (DType dtype : {bool_, int8, int32, uint64, float32, float64}) {
      if (!(op->dtypes & detail::bit(dtype))) continue;
      const std::string domain = domain_name(op->domain);
      const Tensor a = large_operand("300x701:c:" + domain, dtype, 1);
      for (const char* second : {"300x701:c:", "300x701:t:", "701:c:", "300x1:c:"}) {
        const Tensor b = large_operand(second + domain, dtype, 2);
        INFO(op->name << " of " << name(dtype) << ' ' << second);
        check_threads([&] {
          std::vector<Operand> operands;
          if (op->arity == 1) operands.emplace_back(b);
          else operands.emplace_back(a), operands.emplace_back(b);
          return std::vector{detail::dispatch(*op, operands)};
        });
        ++runs;

        if (op->arity == 1 && second[8] == 't') break;  // broadcasts are of two operands
      }
    }
  }
  std::cout << runs << " runs of elementwise operations with 1, 2 and 4 threads\n";
}

TEST_CASE("all other operations give the same bits with 1, 2 and 4 threads", "[determinism]") {
  auto calls = all_calls();
  for (const char* line : large) {
    const auto f = fields(line);
    for (auto& dtype : blank_separated(f.at(3))) {
      std::vector<Tensor> inputs;
      for (auto& spec : blank_separated(f.at(2)))
        inputs.push_back(large_operand(spec, dtype_named(dtype), inputs.size() + 1));
      INFO(line << " in " << dtype);
      check_threads([&] { return std::vector{calls.at(f[0])(Words(f.at(1)), inputs)}; });
    }
  }
  for (auto& [name, program] : programs()) {
    INFO(name);
    check_threads(program);
  }
}

TEST_CASE("gradients give the same bits with 1, 2 and 4 threads", "[determinism]") {
  const Tensor x = large_operand("64x12x12x3:c:unit", float32, 1), f = large_operand("3x3x3x8:c:unit", float32, 2);
  const Tensor w = large_operand("1152x50:c:unit", float32, 3), labels = large_operand("64:c:label50", int32, 4);
  check_threads([&] {
    GradientTape tape;
    tape.watch({x, f, w});
    Tensor y = max_pool2d(gelu(conv2d(x, f, {.padding = "same"})), {.window = {1, 1}});
    y = matmul(reshape(y, {64, -1}), w);
    y = sum(sparse_softmax_cross_entropy(labels, y)) + mean(log_softmax(y, 0));
    auto [dx, df, dw] = tape.gradient(y, {x, f, w});
    return std::vector{y, dx, df, dw};
  });
}
