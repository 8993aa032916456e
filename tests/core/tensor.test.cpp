// Tensors: every way to make one, what it says about itself, its elements on the host, and that it never changes.
#include "keen/tensor.h"

#include <array>
#include <limits>

#include "catch.h"
#include "core/tensor_impl.h"
#include "keen/creation.h"
#include "keen/log.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "keen/variable.h"

using namespace keen;

namespace {

template <class T>
void check_tensor(const Tensor& t, DType dtype, const Shape& shape, const std::vector<T>& values) {
  CHECK(t.dtype() == dtype);
  CHECK(t.shape() == shape);
  CHECK(t.to_vector<T>() == values);
}

}  // namespace

TEST_CASE("numbers make 0-d tensors whose dtype follows the C++ type", "[tensor]") {
  check_tensor<bool>(true, bool_, {}, {true});
  check_tensor<int>(7, int32, {}, {7});
  check_tensor<long>(1L << 40, int64, {}, {1L << 40});
  check_tensor<signed char>(static_cast<signed char>(-5), int8, {}, {-5});
  check_tensor<unsigned short>(static_cast<unsigned short>(65535), uint16, {}, {65535});
  check_tensor<std::uint64_t>(~std::uint64_t{0}, uint64, {}, {~std::uint64_t{0}});
  check_tensor<float>(1.5f, float32, {}, {1.5f});
  check_tensor<float>(2.5, float32, {}, {2.5f});  // floating literals make float32, as in TensorFlow
}

TEST_CASE("braces make tensors as deep as they are nested", "[tensor]") {
  check_tensor<int>(constant(3), int32, {}, {3});
  check_tensor<int>(constant({}), float32, {0}, {});
  check_tensor<int>(constant({1, 2, 3}), int32, {3}, {1, 2, 3});
  check_tensor<int>(constant({{1, 2, 3}, {4, 5, 6}}), int32, {2, 3}, {1, 2, 3, 4, 5, 6});
  check_tensor<int>(constant({{{1}, {2}}, {{3}, {4}}, {{5}, {6}}}), int32, {3, 2, 1}, {1, 2, 3, 4, 5, 6});
  check_tensor<int>(constant({{}, {}}), float32, {2, 0}, {});
  CHECK(constant({{{{{{{{1, 2}}}}}}}}).shape() == Shape{1, 1, 1, 1, 1, 1, 1, 2});
  CHECK(constant({{{{{{{{{{7}}}}}}}}}}).rank() == 10);
}

TEST_CASE("literals promote among themselves and convert to the dtype that is asked", "[tensor]") {
  check_tensor<float>(constant({1, 2.5}), float32, {2}, {1, 2.5f});
  check_tensor<long>(constant({1, 2L}), int64, {2}, {1, 2});
  check_tensor<int>(constant({true, false}), bool_, {2}, {1, 0});
  check_tensor<int>(constant({true, 2}), int32, {2}, {1, 2});
  check_tensor<double>(constant({1, 2}, {.dtype = float64}), float64, {2}, {1, 2});
  check_tensor<double>(constant({0.1}, {.dtype = float64}), float64, {1}, {0.1});  // not rounded to float on the way
  check_tensor<int>(constant({1.0, -128.0}, {.dtype = int8}), int8, {2}, {1, -128});
  check_tensor<int>(constant({0, 3, 0.5}, {.dtype = bool_}), bool_, {3}, {0, 1, 1});
  check_tensor<float>(constant({1.5, -2}, {.dtype = bfloat16}), bfloat16, {2}, {1.5f, -2});
  check_tensor<std::uint64_t>(constant(~std::uint64_t{0}), uint64, {}, {~std::uint64_t{0}});
  CHECK(constant({1, 2}, {.dtype = complex64}).dtype() == complex64);
}

TEST_CASE("literals that make no tensor are typed errors", "[tensor]") {
  CHECK_THROWS_AS(constant({{1, 2}, {3}}), ShapeError);
  CHECK_THROWS_AS(constant({{1, 2}, 3}), ShapeError);
  CHECK_THROWS_AS(constant({1, {2, 3}}), ShapeError);
  CHECK_THROWS_AS(constant({{{1}}, {2}}), ShapeError);
  CHECK_THROWS_AS(constant({300}, {.dtype = int8}), DTypeError);
  CHECK_THROWS_AS(constant({-1}, {.dtype = uint32}), DTypeError);
  CHECK_THROWS_AS(constant({1.5}, {.dtype = int32}), DTypeError);
  CHECK_THROWS_AS(constant({std::numeric_limits<double>::quiet_NaN()}, {.dtype = int32}), DTypeError);
}

TEST_CASE("containers make tensors of their element type, with a copy", "[tensor]") {
  std::vector<double> doubles{1.5, 2.5};
  Tensor t = constant(doubles);
  doubles[0] = 9;
  check_tensor<double>(t, float64, {2}, {1.5, 2.5});
  const int plain[] = {1, 2, 3, 4};
  check_tensor<int>(constant(plain), int32, {4}, {1, 2, 3, 4});
  check_tensor<int>(constant(std::array<std::uint8_t, 2>{1, 255}), uint8, {2}, {1, 255});
  check_tensor<float>(constant(std::span<const float>()), float32, {0}, {});
  check_tensor<int>(constant(std::span(plain).subspan(1, 2)), int32, {2}, {2, 3});
  check_tensor<int>(constant(std::vector{1, 2, 3, 4, 5, 6}, Shape{2, 3}), int32, {2, 3}, {1, 2, 3, 4, 5, 6});
  check_tensor<float>(constant(doubles, {.dtype = float32}), float32, {2}, {9, 2.5f});
  check_tensor<int>(from_data(int32, plain, {2, 2}), int32, {2, 2}, {1, 2, 3, 4});
  CHECK_THROWS_AS(constant(std::vector{1, 2, 3}, Shape{2, 2}), ShapeError);
}

TEST_CASE("packed bits and containers of containers make tensors", "[tensor]") {
  check_tensor<bool>(constant(std::vector<bool>{true, false, true}), bool_, {3}, {true, false, true});
  check_tensor<int>(constant(std::vector<bool>{true, false}, {2, 1}, {.dtype = int32}), int32, {2, 1}, {1, 0});
  check_tensor<float>(constant(std::vector<std::vector<float>>{{1, 2}, {3, 4}}), float32, {2, 2}, {1, 2, 3, 4});
  check_tensor<int>(constant(std::vector<std::array<int, 3>>{{1, 2, 3}}), int32, {1, 3}, {1, 2, 3});
  check_tensor<bool>(constant(std::vector<std::vector<bool>>{{true}, {false}}), bool_, {2, 1}, {true, false});
  check_tensor<int>(
      constant(std::vector<std::vector<std::vector<int>>>{{{1}, {2}}, {{3}, {4}}}), int32, {2, 2, 1}, {1, 2, 3, 4});
  CHECK(constant(std::vector<std::vector<float>>{{}, {}}).shape() == Shape{2, 0});
  CHECK_THROWS_AS(constant(std::vector<std::vector<float>>{{1, 2}, {3}}), ShapeError);
  CHECK_THROWS_AS(constant(std::vector<std::vector<float>>{}), UsageError);
  CHECK_THROWS_AS(constant(std::vector<bool>{true}, {2}), ShapeError);
}

TEST_CASE("one number is a shape of one dimension", "[tensor]") {
  CHECK(zeros(3).shape() == Shape{3});
  CHECK(ones(std::size_t{2}, {.dtype = int32}).shape() == Shape{2});
  CHECK(zeros({}).shape() == Shape{});
  CHECK(random::normal(4).shape() == Shape{4});
  CHECK(full(2, 1.5f).to_vector<float>() == std::vector{1.5f, 1.5f});
}

TEST_CASE("a deleter that throws is logged and ends nothing", "[tensor]") {
  std::vector<std::string> lines;
  set_log_handler([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  const float mine[] = {1, 2};
  {
    Tensor t = from_buffer(mine, {2}, [] { throw std::runtime_error("no more"); });
  }
  {
    Tensor t = from_buffer(mine, {2}, [] { throw 1; });
  }
  set_log_handler({});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("no more") != std::string::npos);
  CHECK(lines[1].find("deleter") != std::string::npos);
}

TEST_CASE("a tensor given to constant stays itself unless options change it", "[tensor]") {
  Tensor t = constant({1, 2});
  CHECK(constant(t).impl() == t.impl());
  CHECK(constant(t, {.device = "cpu:0"}).impl() == t.impl());
  check_tensor<float>(constant(t, {.dtype = float32}), float32, {2}, {1, 2});
}

TEST_CASE("tensors filled by a rule", "[tensor]") {
  check_tensor<float>(zeros({2, 2}), float32, {2, 2}, {0, 0, 0, 0});
  check_tensor<int>(ones({3}, {.dtype = int16}), int16, {3}, {1, 1, 1});
  check_tensor<int>(full({2}, 7), int32, {2}, {7, 7});
  check_tensor<float>(full({2}, 0.5), float32, {2}, {0.5f, 0.5f});
  check_tensor<double>(full({2}, constant(3.5, {.dtype = float64})), float64, {2}, {3.5, 3.5});
  check_tensor<int>(full({}, 9, {.dtype = uint8}), uint8, {}, {9});
  check_tensor<bool>(ones({2}, {.dtype = bool_}), bool_, {2}, {true, true});
  check_tensor<float>(zeros({0, 4}), float32, {0, 4}, {});
  std::vector<int> sizes{1, 2, 3};
  CHECK(zeros({2, sizes.size()}).shape() == Shape{2, 3});  // no narrowing warning
  check_tensor<float>(eye(2), float32, {2, 2}, {1, 0, 0, 1});
  check_tensor<float>(eye(2, 3, 1), float32, {2, 3}, {0, 1, 0, 0, 0, 1});
  check_tensor<int>(eye(3, 2, -1, {.dtype = int32}), int32, {3, 2}, {0, 0, 1, 0, 0, 1});
  check_tensor<float>(eye(2, 2, 5), float32, {2, 2}, {0, 0, 0, 0});
  check_tensor<float>(linspace(0, 1, 5), float32, {5}, {0, 0.25f, 0.5f, 0.75f, 1});
  check_tensor<double>(linspace(3, -1, 3, {.dtype = float64}), float64, {3}, {3, 1, -1});
  check_tensor<float>(linspace(2, 9, 1), float32, {1}, {2});
  CHECK(linspace(0, 1, 0).shape() == Shape{0});
  CHECK(linspace(0, 0.1, 11, {.dtype = float64}).to_vector<double>().back() == 0.1);  // the end is exact
}

TEST_CASE("the _like creators take shape and dtype from a tensor, and options before it", "[tensor]") {
  Tensor like = transpose(constant({{1, 2, 3}, {4, 5, 6}}, {.dtype = int16}));
  check_tensor<int>(zeros_like(like), int16, {3, 2}, {0, 0, 0, 0, 0, 0});
  check_tensor<int>(ones_like(like), int16, {3, 2}, {1, 1, 1, 1, 1, 1});
  check_tensor<int>(full_like(like, 4), int16, {3, 2}, {4, 4, 4, 4, 4, 4});
  check_tensor<double>(ones_like(like, {.dtype = float64}), float64, {3, 2}, {1, 1, 1, 1, 1, 1});
  CHECK(zeros_like(like).is_contiguous());
  check_tensor<bool>(ones_like(constant({true})), bool_, {1}, {true});
}

TEST_CASE("range counts like Python's, as a tensor and as a loop", "[tensor]") {
  check_tensor<int>(range(4), int32, {4}, {0, 1, 2, 3});
  check_tensor<int>(range(2, 8, 3), int32, {2}, {2, 5});
  check_tensor<int>(range(5, 0, -2), int32, {3}, {5, 3, 1});
  check_tensor<int>(range(3, 3), int32, {0}, {});
  check_tensor<int>(range(-3), int32, {0}, {});
  check_tensor<long>(range(3L), int64, {3}, {0, 1, 2});
  check_tensor<float>(range(0.5, 2.0, 0.5), float32, {3}, {0.5f, 1, 1.5f});
  check_tensor<float>(range(3.f), float32, {3}, {0, 1, 2});
  check_tensor<double>(range(0, 3, 1, {.dtype = float64}), float64, {3}, {0, 1, 2});
  std::vector<std::int64_t> seen;
  for (std::int64_t i : range(7, -2, -4)) seen.push_back(i);
  CHECK(seen == std::vector<std::int64_t>{7, 3, -1});
  seen.clear();
  constexpr auto top = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t i : range(top - 7, top, 5L)) seen.push_back(i);  // the step past the end is never taken
  CHECK(seen == std::vector<std::int64_t>{top - 7, top - 2});
  CHECK_THROWS_AS(range(0, 4, 0), UsageError);
  CHECK_THROWS_AS(range(0.f, 4.f).begin(), UsageError);
  CHECK_THROWS_AS(range(0.5f, 4.f).begin(), UsageError);
}

TEST_CASE("ranks from 0 to beyond 8 hold, compute and move their elements", "[tensor]") {
  for (int rank = 0; rank <= 12; ++rank) {
    Shape shape = Shape::filled(rank, 1);
    for (int i = 0; i < rank; ++i) shape[i] = i % 3 == 2 ? 3 : i % 3 == 0 ? 2 : 1;
    INFO(shape);
    Tensor x = reshape(range(shape.num_elements()), shape);
    std::vector<long> wanted(static_cast<std::size_t>(shape.num_elements()));
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<long>(i);
    CHECK(x.shape() == shape);
    CHECK(x.to_vector<long>() == wanted);
    CHECK((x * 2 - x).to_vector<long>() == wanted);
    CHECK(transpose(transpose(x)).to_vector<long>() == wanted);
    CHECK(transpose(x).contiguous().transpose().to_vector<long>() == wanted);
    CHECK(sum(x).item<long>() == static_cast<long>(wanted.size() * (wanted.size() - 1) / 2));
    Tensor copy = x, other;
    other = copy;
    CHECK(other.shape() == shape);
    CHECK(array_equal(x + other, other + x));
  }
}

TEST_CASE("item gives the value of one element, of whatever rank, converted", "[tensor]") {
  CHECK(constant(2.75f).item<float>() == 2.75f);
  CHECK(constant({{{5}}}).item<int>() == 5);
  CHECK(constant(2.75f).item<int>() == 2);
  CHECK(constant(3).item<double>() == 3.0);
  CHECK(constant(0.5f).item<bool>());
  CHECK(transpose(constant({{1, 2}, {3, 4}}))[1][0].item<int>() == 2);
  CHECK(broadcast_to(constant(4), {1, 1}).item<int>() == 4);
  CHECK(constant(1.5f, {.dtype = float16}).item<float>() == 1.5f);
}

TEST_CASE("to_vector gives elements in row-major order of any layout, converted", "[tensor]") {
  Tensor t = constant({{1, 2, 3}, {4, 5, 6}});
  CHECK(transpose(t).to_vector<int>() == std::vector{1, 4, 2, 5, 3, 6});
  CHECK(t(all_of, slice({}, {}, -1)).to_vector<float>() == std::vector<float>{3, 2, 1, 6, 5, 4});
  CHECK(broadcast_to(constant({1, 2}), {2, 2}).to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 2, 1, 2});
  CHECK(constant({true, false}).to_vector<bool>() == std::vector<bool>{true, false});
  CHECK(constant({1.5, -1.5}).to_vector<int>() == std::vector{1, -1});
  CHECK(constant({0, 2}).to_vector<bool>() == std::vector<bool>{false, true});
}

TEST_CASE("spans show the elements themselves", "[tensor]") {
  Tensor t = constant({{1.f, 2.f}, {3.f, 4.f}});
  std::span<const float> all = t.span<float>(), row = t[1].span<float>();
  CHECK(all.size() == 4);
  CHECK(all[3] == 4);
  CHECK(row.data() == all.data() + 2);
  CHECK(t.data<float>() == all.data());
  CHECK(transpose(constant({{1, 2}})).span<int>()[1] == 2);  // size-1 axes leave no gap
  CHECK(zeros({0, 3}).span<float>().empty());
}

TEST_CASE("iterating a tensor gives the slices of its first dimension", "[tensor]") {
  Tensor t = constant({{1, 2}, {3, 4}, {5, 6}});
  std::vector<std::vector<int>> rows;
  for (Tensor row : t) {
    CHECK(row.shape() == Shape{2});
    rows.push_back(row.to_vector<int>());
  }
  CHECK(rows == std::vector<std::vector<int>>{{1, 2}, {3, 4}, {5, 6}});
  int sum = 0;
  for (Tensor x : constant({1, 2, 3})) sum += x.item<int>();
  CHECK(sum == 6);
  for (Tensor row : zeros({0, 2})) FAIL("nothing to iterate over");
  CHECK_THROWS_AS(constant(1).begin(), ShapeError);
}

TEST_CASE("a tensor never changes: += on a copy rebinds the name alone", "[tensor]") {
  Tensor x = constant({1.f, 2.f}), copy = x;
  const float* address = x.data<float>();
  copy += 1;
  copy *= 3;
  copy -= x;
  copy /= 2;
  CHECK(x.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(x.data<float>() == address);
  CHECK(copy.to_vector<float>() == std::vector<float>{2.5f, 3.5f});
  Tensor view = x[0];
  x += 10;  // x holds its buffer no longer alone: the view stays as it was
  CHECK(view.item<float>() == 1);
  CHECK(x.to_vector<float>() == std::vector<float>{11, 12});
  Tensor self = constant({3.f});
  self += self;
  self = self * self;
  CHECK(self.item<float>() == 36);
  Tensor& alias = self;
  self = alias;
  CHECK(self.item<float>() == 36);
}

TEST_CASE("an operand that is given away may lend its buffer, one that is held never does", "[tensor]") {
  Tensor x = constant({1.f, 2.f, 3.f}), held = x;
  Tensor y = std::move(x) + 1;
  CHECK(held.to_vector<float>() == std::vector<float>{1, 2, 3});
  CHECK(y.data<float>() != held.data<float>());
  const float* address = y.data<float>();
  Tensor z = exp(std::move(y) * 0);
  CHECK(z.data<float>() == address);  // one buffer all the way
  CHECK(z.to_vector<float>() == std::vector<float>{1, 1, 1});
  Tensor part = constant({1.f, 2.f})[1];
  CHECK((std::move(part) + 1).item<float>() == 3);
}

TEST_CASE("a buffer with a copy is Keen's own", "[tensor]") {
  std::vector<float> mine{1, 2, 3, 4};
  Tensor t = from_data(float32, mine.data(), {2, 2});
  mine.assign(4, 0);
  CHECK(t.to_vector<float>() == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("a borrowed buffer is read where it lies", "[tensor]") {
  std::vector<float> mine{1, 2, 3, 4};
  Tensor t = from_buffer(mine.data(), {2, 2});
  CHECK(t.data<float>() == mine.data());
  CHECK(transpose(t)[1].to_vector<float>() == std::vector<float>{2, 4});
  CHECK(sum(t).item<float>() == 10);
  const std::uint8_t bytes[] = {0, 1};
  check_tensor<bool>(from_buffer(bool_, bytes, {2}), bool_, {2}, {false, true});
}

TEST_CASE("the deleter of a borrowed buffer runs once, when the last view dies", "[tensor]") {
  std::vector<double> mine{1, 2, 3, 4, 5, 6};
  int deleted = 0;
  Tensor view;
  {
    Tensor t = from_buffer(mine.data(), {2, 3}, [&] { ++deleted; });
    Tensor copy = t, sum = t + 1;
    view = transpose(t)(slice(1, 3), 0);
    t = Tensor();
    copy = Tensor();
    CHECK(deleted == 0);
  }
  CHECK(deleted == 0);
  CHECK(view.to_vector<double>() == std::vector<double>{2, 3});
  Tensor again = view[0];
  view = Tensor();
  CHECK(deleted == 0);
  again = again + 1;
  CHECK(deleted == 1);
  CHECK(again.item<double>() == 3);
  {
    Tensor empty = from_buffer<float>(nullptr, {0}, [&] { ++deleted; });
  }
  CHECK(deleted == 2);
}

TEST_CASE("a borrowed buffer is never written and never given to a result", "[tensor]") {
  const std::vector<float> original{1, 2, 3, 4};
  std::vector<float> mine = original;
  auto borrow = [&] { return from_buffer(mine.data(), {4}); };
  Tensor y = borrow() + 1;
  CHECK(y.data<float>() != mine.data());
  y = exp(borrow());
  CHECK(y.data<float>() != mine.data());
  y = where(borrow() > 2, borrow(), borrow() * 2);
  Tensor t = borrow();
  t += 5;
  t = std::move(t) * 2;
  y = borrow()(slice(1, 3)) * 7;  // a view of it neither
  y = reshape(borrow(), {2, 2}) + 1;
  Variable from_view(borrow()), assigned(zeros({4}));
  from_view.assign_add(1);
  assigned.assign(borrow());
  assigned.assign_sub(3);
  assigned.scatter_update(constant({0}), constant({9.f}));
  CHECK(mine == original);
  CHECK(from_view.to_vector<float>() == std::vector<float>{2, 3, 4, 5});
}

TEST_CASE("an undefined tensor says so and is a typed error to use", "[tensor]") {
  Tensor none;
  CHECK_FALSE(none.defined());
  CHECK_FALSE(none.is_sparse());
  CHECK_THROWS_AS(none.shape(), UsageError);
  CHECK_THROWS_AS(none.item<float>(), UsageError);
  none = constant(1);
  CHECK(none.defined());
  Tensor moved = std::move(none);
  CHECK(moved.item<int>() == 1);
}

TEST_CASE("a tensor tells its size in every way", "[tensor]") {
  Tensor t = zeros({2, 3, 4}, {.dtype = float64});
  CHECK(t.rank() == 3);
  CHECK(t.size() == 24);
  CHECK(t.nbytes() == 192);
  CHECK(t.dim(0) == 2);
  CHECK(t.dim(-1) == 4);
  CHECK(t.strides() == Shape{12, 4, 1});
  CHECK(t.device() == Device());
  CHECK(t.is_contiguous());
  CHECK_FALSE(transpose(t).is_contiguous());
  CHECK(transpose(t).strides() == Shape{1, 4, 12});
  CHECK_THROWS_AS(t.dim(3), IndexError);
}

TEST_CASE("truth needs exactly one element", "[tensor]") {
  CHECK(static_cast<bool>(constant(2)));
  CHECK_FALSE(static_cast<bool>(constant({0.f})));
  if (constant(1) < 2) SUCCEED();
  CHECK_THROWS_AS(static_cast<bool>(constant({1, 1})), ShapeError);
}
