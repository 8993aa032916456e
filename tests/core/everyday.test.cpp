// What programs write without a second thought: sizes where tensors and shapes are wanted, ranges as tensors, options in
// last place, rows of variables. It compiles, and means what it says.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

Tensor plus_one(Tensor t) { return t + 1; }

// What f prints to standard output.
template <class F>
std::string printed_by(F f) {
  std::ostringstream out;
  auto* const before = std::cout.rdbuf(out.rdbuf());
  f();
  std::cout.rdbuf(before);
  return out.str();
}

template <class T>
std::vector<T> elements(const Tensor& t) {
  return t.to_vector<T>();
}

}  // namespace

TEST_CASE("creators take their options in last place, whatever is left out", "[everyday]") {
  CHECK(array_equal(eye(2, {.dtype = int32}), constant({{1, 0}, {0, 1}})));
  CHECK(eye(2, {.dtype = int32}).dtype() == int32);
  CHECK(eye(2, {}).shape() == Shape{2, 2});
  CHECK(array_equal(eye(2, {}, 1), constant({{0, 1}, {0, 0}})));
  CHECK(eye(2, 3).shape() == Shape{2, 3});
  CHECK(range(0, 5, {.dtype = float32}).tensor().dtype() == float32);
  CHECK(elements<int>(range(2, 5, {.dtype = int8})) == std::vector{2, 3, 4});
  CHECK(elements<int>(range(2, 5, {})) == std::vector{2, 3, 4});
  CHECK(elements<int>(range(6, 2, -2)) == std::vector{6, 4});
}

TEST_CASE("a size stands for a shape of one dimension in every draw", "[everyday]") {
  const Tensor x = ones({3, 2});
  CHECK(random::truncated_normal(3).shape() == Shape{3});
  CHECK(random::truncated_normal(x.dim(0), {.stddev = 0.5}).shape() == Shape{3});
  CHECK(random::integers(0, 10, 3).shape() == Shape{3});
  CHECK(random::integers(0, 10, x.dim(1), {.dtype = int8}).dtype() == int8);
  CHECK(random::integers(0, 10, {2, 3}).shape() == Shape{2, 3});
}

TEST_CASE("a size is a tensor where one is wanted", "[everyday]") {
  const Tensor x = ones({2, 3});
  const Tensor rows = x.dim(0);
  CHECK(rows.dtype() == int64);
  CHECK(rows.item<int>() == 2);
  CHECK(plus_one(x.dim(1)).item<int>() == 4);
  CHECK(function([](Tensor n) { return n * 2; })(x.dim(1)).item<int>() == 6);
  CHECK(function([](auto n) { return Tensor(n) * 2; })(x.dim(1)).item<int>() == 6);
  CHECK(function([](Tensor t, std::int64_t n) { return t * n; })(x, x.dim(1)).dtype() == float32);
  CHECK((x / x.dim(0))[0][0].item<float>() == 0.5f);
  CHECK(x[x.dim(0) - 1].shape() == Shape{3});
  CHECK(x[Size(1)].shape() == Shape{3});
  CHECK(set(x, {0, 0}, x.dim(1))[0][0].item<float>() == 3);
  CHECK(
      cond(
          x.dim(0) == 2, [&] { return x.dim(0); }, [&] { return x.dim(1); })
          .item<int>() == 2);
  CHECK(while_loop([](Tensor i) { return i < 9; }, [](Tensor i) { return i * 2; }, x.dim(1)).item<int>() == 12);
  CHECK(TensorArray::unstack(x).read(Size(1)).shape() == Shape{3});
}

TEST_CASE("a log handler may log, and set another handler", "[everyday]") {
  std::vector<std::string> heard;
  set_log_level(LogLevel::warning);
  set_log_handler([&](LogLevel, std::string_view line) {
    heard.emplace_back(line);
    log(LogLevel::info, "dropped");
    set_log_handler([&](LogLevel, std::string_view second) { heard.push_back("then " + std::string(second)); });
  });
  log(LogLevel::warning, "one");
  log(LogLevel::warning, "two");
  set_log_handler({});
  CHECK(heard == std::vector<std::string>{"one", "then two"});
}

TEST_CASE("windows and strides are one number or two", "[everyday]") {
  const Tensor x = ones({1, 6, 6, 1});
  CHECK(max_pool2d(x, {.window = 3}).shape() == Shape{1, 2, 2, 1});
  CHECK(max_pool2d(x, {.window = {3, 2}, .strides = {1, 2}}).shape() == Shape{1, 4, 3, 1});
  CHECK(avg_pool2d(x, {.strides = 1}).shape() == Shape{1, 5, 5, 1});
  CHECK(conv2d(x, ones({3, 3, 1, 1}), {.strides = 2}).shape() == Shape{1, 2, 2, 1});
  CHECK(nn::MaxPooling2D(2, {.strides = {1, 2}})(x).shape() == Shape{1, 5, 3, 1});
}

TEST_CASE("the gradient of a norm at 0 is 0", "[everyday]") {
  const Tensor x = zeros({3});
  GradientTape tape;
  tape.watch(x);
  CHECK(tape.gradient(norm(x), x).to_vector<float>() == std::vector<float>{0, 0, 0});
}

TEST_CASE("a size compares with integers of any type", "[everyday]") {
  const Tensor x = ones({3});
  const std::vector<float> three(3);
  CHECK(x.dim(0) == three.size());
  CHECK(three.size() == x.dim(0));
  CHECK(x.dim(0) < 4);
  CHECK(x.dim(0) > -1);
  CHECK(x.dim(0) != std::uint64_t{1} << 63);
  CHECK(std::int8_t{2} < x.dim(0));
  CHECK(x.dim(0) <= x.dim(-1));
  CHECK(x.dim(0) < 3.5);
}

TEST_CASE("a known size is a number to functions of numbers", "[everyday]") {
  const Tensor x = ones({4, 3});
  const double root = sqrt(x.dim(0));
  CHECK(root == 2);
  CHECK(log(x.dim(1)) == std::log(3.));
  CHECK(exp(x.dim(1)) == std::exp(3.));
  CHECK(keen::sin(x.dim(1)).dtype() == float32);  // a function of tensors, asked for by its full name
  CHECK(function(keen::sin)(0.f).item<float>() == 0);
  CHECK(floor(x.dim(1)) == 3);
  CHECK(abs(x.dim(1)) == 3);
  CHECK(pow(x.dim(0), 2) == 16);
  CHECK(std::sqrt(static_cast<double>(x.dim(0))) == 2);
  CHECK(-x.dim(0) == -4);
  CHECK_FALSE(!x.dim(0));
  CHECK(min(x.dim(0), 3) == 3);
  CHECK(max(2, x.dim(0)) == 4);
  CHECK(min(x.dim(0), x.dim(1)) == 3);
  CHECK(std::to_string(x.dim(0)) == "4");
  const bool flag = !x.shape().empty();
  const auto n = flag ? x.dim(0) : std::int64_t{0};
  static_assert(std::is_same_v<decltype(n), const std::int64_t>);
  CHECK(n == 4);
}

TEST_CASE("print takes sizes, shapes, dtypes and devices", "[everyday]") {
  const Tensor x = ones({2, 3}, {.device = "cpu:0"});
  CHECK(printed_by([&] {
          print("x:", x.dim(0), x.shape(), x.dtype(), x.device(), Shape{3}, Shape{}, range(3), 'c' == 'c');
        }) == "x: 2 (2, 3) float32 cpu:0 (3,) () [0 1 2] true\n");
}

TEST_CASE("a range is a tensor where it is computed with", "[everyday]") {
  CHECK(range(6).reshape({2, 3}).shape() == Shape{2, 3});
  CHECK(elements<int>(range(3) + 1) == std::vector{1, 2, 3});
  CHECK(elements<int>(10 - range(3)) == std::vector{10, 9, 8});
  CHECK(elements<int>(range(3) * range(3)) == std::vector{0, 1, 4});
  CHECK(elements<bool>(range(3) < 1) == std::vector{true, false, false});
  CHECK(range(3).cast(float32).dtype() == float32);
  CHECK(range(3).expand_dims(0).shape() == Shape{1, 3});
  CHECK(range(3).to_vector<int>() == std::vector{0, 1, 2});
  CHECK(to_vector<float>(range(2)) == std::vector{0.f, 1.f});
  CHECK(range(3).shape() == Shape{3});
  CHECK(range(3).dtype() == int32);
  CHECK(sum(range(5)).item<int>() == 10);
  std::int64_t total = 0;
  for (std::int64_t i : range(0, 1'000'000, 250'000)) total += i;  // no tensor is made
  CHECK(total == 1'500'000);
}

TEST_CASE("a variable's rows are those of the value it has when the loop begins", "[everyday]") {
  const Variable v(constant({{1.f, 2.f}, {3.f, 4.f}}));
  float total = 0;
  for (Tensor row : v) {
    total += row[1].item<float>();
    v.assign_add(1);
  }
  CHECK(total == 6);
  CHECK(v.value()[0][0].item<float>() == 3);
  CHECK_THROWS_AS(Variable(1.f).begin(), ShapeError);
}

TEST_CASE("the version is that of the build", "[everyday]") {
  const std::string text = version();
  CHECK(text.find_first_not_of("0123456789.") == std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '.') == 2);
}
