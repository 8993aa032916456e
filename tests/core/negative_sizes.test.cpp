// Bad input: sizes that overflow, are negative, or do not fit one another.
#include <limits>

#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "negative.h"

using namespace keen;
using namespace keen::test;

namespace {

constexpr std::int64_t k32 = std::int64_t{1} << 32, k40 = std::int64_t{1} << 40, k62 = std::int64_t{1} << 62;
constexpr std::int64_t n = std::int64_t{1} << 43;  // float32 elements that take 2^45 bytes
const std::string s32 = "4294967296", s40 = "1099511627776", s62 = "4611686018427387904";

Tensor row_of(std::int64_t n) { return zeros({n}); }
// A view of one element with that shape: no memory, however large.
Tensor giant(const Shape& shape) { return broadcast_to(constant(1.f), shape); }

}  // namespace

TEST_CASE("overflowing sizes are typed errors", "[negative]") {
  check_rows(
      "overflowing sizes",
      {
          row<ShapeError>(
              "zeros of 2^64 elements", {"[zeros]", s32},
              [] {
                return zeros({k32, k32});
              }),
          row<ShapeError>(
              "ones of 2^64 elements", {"[ones]", s32},
              [] {
                return ones({k32, k32});
              }),
          row<ShapeError>(
              "full of 2^80 elements", {"[full]", s40},
              [] {
                return full({k40, k40}, 7);
              }),
          row<ShapeError>(
              "full of 2^64 elements, seven axes", {"[full]", s32},
              [] {
                return full({1, 1, 1, k32, 1, 1, k32}, 7);
              }),
          row<ShapeError>("eye of 2^64 elements", {"[eye]", s32}, [] { return eye(k32); }),
          row<ShapeError>("eye of 2^102 elements", {"[eye]", s40, s62}, [] { return eye(k40, k62); }),
          row<OutOfMemory>("linspace of 2^62", {"[linspace]", s62}, [] { return linspace(0, 1, k62); }),
          row<OutOfMemory>("range to 2^62", {"[range]", s62}, [] { return range(k62).tensor(); }),
          row<OutOfMemory>(
              "range to 2^45", {"[range]", "35184372088832"}, [] { return range(std::int64_t{1} << 45).tensor(); }),
          row<ShapeError>(
              "range over all of int64", {"[range]", "63 bits"},
              [] { return range(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()); }),
          row<ShapeError>("range to 1e30", {"[range]", "1e+30"}, [] { return range(0., 1e30, 1.).tensor(); }),
          row<ShapeError>("range to infinity", {"[range]", "inf"}, [] { return range(0., INFINITY, 1.).tensor(); }),
          row<ShapeError>("range to NaN", {"[range]", "nan"}, [] { return range(0., NAN, 1.).tensor(); }),
          row<ShapeError>(
              "tile by 2^62", {"[tile]", s62},
              [] {
                return tile(zeros({2, 3}), {k62, 1});
              }),
          row<ShapeError>(
              "tile by 2^40 twice", {"[tile]", "2199023255552"},
              [] {
                return tile(zeros({2, 3}), {k40, k40});
              }),
          row<ShapeError>(
              "broadcast_to 2^80", {"[broadcast_to]", s40},
              [] {
                return broadcast_to(row_of(1), {k40, k40});
              }),
          row<ShapeError>(
              "reshape to 2^80", {"[reshape]", s40},
              [] {
                return reshape(row_of(6), {k40, k40});
              }),
          row<ShapeError>(
              "pad by 2^63", {"[pad]", "axis 0"},
              [] {
                return pad(row_of(2), {{k62, k62}});
              }),
          row<ShapeError>(
              "pad two axes by 2^40", {"[pad]", s40},
              [] {
                return pad(zeros({0, 0}), {{k40, 0}, {0, k40}});
              }),
          row<ShapeError>(
              "one_hot of depth 2^62", {"[one_hot]", s62},
              [] {
                return one_hot(constant({0, 1, 2}), k62);
              }),
          row<ShapeError>(
              "concat beyond 2^63", {"[concat]", "axis 0"},
              [] {
                return concat({giant({k62}), giant({k62})});
              }),
          row<ShapeError>(
              "broadcasting to 2^80", {"[add]", s40},
              [] {
                return giant({k40, 1}) + giant({1, k40});
              }),
          row<ShapeError>(
              "where over 2^80", {"[where]", s40},
              [] {
                return where(broadcast_to(constant(true), {k40, 1}), giant({1, k40}), 0);
              }),
          row<ShapeError>(
              "matmul to 2^80", {"[matmul]", s40},
              [] {
                return matmul(giant({k40, 1}), giant({1, k40}));
              }),
          row<ShapeError>(
              "gather to 2^80", {"[gather]", s40},
              [] {
                return gather(giant({2, k40}), broadcast_to(constant(0), {k40}));
              }),
          row<ShapeError>(
              "scatter into 2^80", {"[scatter]", s40},
              [] {
                return scatter(constant({0}), giant({1, k40}), {k40, k40});
              }),
          row<ShapeError>(
              "random normal of 2^64", {"[normal]", s32},
              [] {
                return random::normal({k32, k32});
              }),
          row<ShapeError>(
              "random integers of 2^80", {"[integers]", s40},
              [] {
                return random::integers(0, 2, {k40, k40});
              }),
          row<ShapeError>(
              "from_buffer of 2^80", {"[from_buffer]", s40},
              [] {
                float f = 0;
                return from_buffer(&f, {k40, k40});
              }),
          row<ShapeError>(
              "stack of 2^62 three times", {"[stack]"},
              [] {
                return stack({giant({k62}), giant({k62}), giant({k62})});
              }),
      });
}

TEST_CASE("negative and unfitting sizes are typed errors", "[negative]") {
  check_rows(
      "negative and unfitting sizes",
      {
          row<ShapeError>(
              "zeros of a negative size", {"[zeros]", "-3"},
              [] {
                return zeros({2, -3});
              }),
          row<ShapeError>("eye of -1", {"[eye]", "-1"}, [] { return eye(-1); }),
          row<ShapeError>("eye of 2 by -3", {"[eye]", "-3"}, [] { return eye(2, -3); }),
          row<ShapeError>("linspace of -1", {"[linspace]", "-1"}, [] { return linspace(0, 1, -1); }),
          row<UsageError>("range with step 0", {"[range]", "step"}, [] { return range(0, 5, 0); }),
          row<UsageError>("looping over a floating range", {"[range]"}, [] { return range(0, 1, 0.25).begin(); }),
          row<ShapeError>(
              "tile by a negative multiple", {"[tile]", "-1"},
              [] {
                return tile(zeros({2, 3}), {-1, 2});
              }),
          row<ShapeError>(
              "tile with too few multiples", {"[tile]", "(2,)", "(2, 3)"},
              [] {
                return tile(zeros({2, 3}), {2});
              }),
          row<ShapeError>(
              "broadcast_to a smaller rank", {"[broadcast_to]", "(2, 3)", "(3,)"},
              [] {
                return broadcast_to(zeros({2, 3}), {3});
              }),
          row<ShapeError>(
              "broadcast_to another size", {"[broadcast_to]", "(2, 3)", "(2, 4)"},
              [] {
                return broadcast_to(zeros({2, 3}), {2, 4});
              }),
          row<ShapeError>(
              "broadcast_to a negative size", {"[broadcast_to]"}, [] { return broadcast_to(row_of(1), {-1}); }),
          row<ShapeError>(
              "reshape to another count", {"[reshape]", "(6,)", "(4, 2)"},
              [] {
                return reshape(row_of(6), {4, 2});
              }),
          row<ShapeError>(
              "reshape that does not divide", {"[reshape]", "(6,)"},
              [] {
                return reshape(row_of(6), {4, -1});
              }),
          row<ShapeError>(
              "reshape with two open dimensions", {"[reshape]", "more than one"},
              [] {
                return reshape(row_of(6), {-1, -1});
              }),
          row<ShapeError>(
              "reshape of nothing to an open dimension beside 0", {"[reshape]"},
              [] {
                return reshape(row_of(0), {-1, 0});
              }),
          row<ShapeError>(
              "reshape to -2", {"[reshape]", "negative"},
              [] {
                return reshape(row_of(6), {-2, 3});
              }),
          row<ShapeError>(
              "pad by a negative width", {"[pad]", "-1"},
              [] {
                return pad(row_of(6), {{-1, 0}});
              }),
          row<ShapeError>(
              "pad with too few widths", {"[pad]", "1", "rank 2"},
              [] {
                return pad(zeros({2, 3}), {{1, 1}});
              }),
          row<ShapeError>(
              "one_hot of a negative depth", {"[one_hot]", "-1"}, [] { return one_hot(constant({0}), -1); }),
          row<ShapeError>("split into 0 parts", {"[split]", "0"}, [] { return split(row_of(6), 0); }),
          row<ShapeError>("split into 4 of 6", {"[split]", "(6,)", "4"}, [] { return split(row_of(6), 4); }),
          row<ShapeError>(
              "split sizes that do not fill", {"[split]", "5", "(6,)"},
              [] {
                return split(row_of(6), {2, 3});
              }),
          row<ShapeError>(
              "split sizes that are negative", {"[split]"},
              [] {
                return split(row_of(6), {8, -2});
              }),
          row<ShapeError>(
              "split sizes that overflow", {"[split]"},
              [] {
                return split(row_of(6), {k62, k62, 6});
              }),
          row<ShapeError>(
              "squeeze of an axis of size 3", {"[squeeze]", "axis 1", "3"},
              [] {
                return squeeze(zeros({1, 3}), 1);
              }),
          row<ShapeError>(
              "concat of other dimensions", {"[concat]", "(2, 3)", "(2, 4)"},
              [] {
                return concat({zeros({2, 3}), zeros({2, 4})});
              }),
          row<ShapeError>(
              "concat of other ranks", {"[concat]", "(2, 3)", "(3,)"},
              [] {
                return concat({zeros({2, 3}), zeros({3})});
              }),
          row<UsageError>("concat of nothing", {"[concat]"}, [] { return concat({}); }),
          row<UsageError>("stack of nothing", {"[stack]"}, [] { return stack({}); }),
          row<ShapeError>(
              "stack of other shapes", {"[stack]", "(2,)", "(3,)"},
              [] {
                return stack({zeros({2}), zeros({3})});
              }),
          row<ShapeError>(
              "full of a vector", {"[full]", "(2,)"},
              [] {
                return full({3}, constant({1, 2}));
              }),
          row<ShapeError>("random normal of a negative size", {"[normal]", "-1"}, [] { return random::normal({-1}); }),
          row<ShapeError>("a permutation of -1", {"[permutation]", "-1"}, [] { return random::permutation(-1); }),
          row<ShapeError>(
              "from_buffer of a negative size", {"[from_buffer]"},
              [] {
                float f = 0;
                return from_buffer(&f, {-1});
              }),
          row<ShapeError>(
              "values that do not fill a shape", {"[constant]", "3", "(2, 2)"},
              [] {
                return constant(std::vector{1, 2, 3}, Shape{2, 2});
              }),
          row<ShapeError>(
              "lists of unequal lengths", {"[constant]", "2", "1"},
              [] {
                return constant({{1, 2}, {3}});
              }),
          row<ShapeError>(
              "lists of unequal depth", {"[constant]"},
              [] {
                return constant({{1, 2}, 3});
              }),
          row<ShapeError>(
              "max of nothing", {"[max]", "(0, 3)", "axis 0"},
              [] {
                return max(zeros({0, 3}), 0);
              }),
          row<ShapeError>("min of nothing", {"[min]", "(0,)"}, [] { return min(zeros({0})); }),
          row<ShapeError>("argmax of nothing", {"[argmax]", "(0,)"}, [] { return argmax(zeros({0})); }),
          row<ShapeError>(
              "argmin along nothing", {"[argmin]", "(3, 0)", "axis 1"},
              [] {
                return argmin(zeros({3, 0}), 1);
              }),
      });
}

TEST_CASE("requests of 2^45 bytes are OutOfMemory", "[negative]") {
  check_rows(
      "out of memory",
      {
          row<OutOfMemory>("zeros", {"[zeros]", "35184372088832", "smaller"}, [] { return zeros({n}); }),
          row<OutOfMemory>(
              "2^62 elements of 8 bytes", {"[zeros]", s62}, [] { return zeros({k62}, {.dtype = float64}); }),
          row<OutOfMemory>("a sum of two views", {"[add]"}, [] { return giant({n}) + giant({n}); }),
          row<OutOfMemory>("a function of a view", {"[exp]"}, [] { return exp(giant({n})); }),
          row<OutOfMemory>("a comparison", {"[less]"}, [] { return giant({4 * n}) < 2; }),
          row<OutOfMemory>("a copy of a view", {"[contiguous]"}, [] { return contiguous(giant({n})); }),
          row<OutOfMemory>("a cast", {"[cast]"}, [] { return giant({n}).cast(int64); }),
          row<OutOfMemory>(
              "a reshape that must copy", {"[reshape]"},
              [] {
                return reshape(transpose(broadcast_to(zeros({2, 3, 1}), {2, 3, n})), {-1});
              }),
          row<OutOfMemory>(
              "concat", {"[concat]"},
              [] {
                return concat({giant({n}), giant({n})});
              }),
          row<OutOfMemory>(
              "tile", {"[tile]"},
              [] {
                return tile(zeros({2, 3}), {1, n});
              }),
          row<OutOfMemory>(
              "pad", {"[pad]"},
              [] {
                return pad(zeros({2}), {{n, n}});
              }),
          row<OutOfMemory>(
              "one_hot", {"[one_hot]"},
              [] {
                return one_hot(constant({0, 1}), n);
              }),
          row<OutOfMemory>(
              "matmul", {"[matmul]"},
              [] {
                return matmul(giant({k32, 1}), giant({1, 1 << 11}));
              }),
          row<OutOfMemory>(
              "gather", {"[gather]"},
              [] {
                return gather(giant({2, n}), constant({0, 1}));
              }),
          row<OutOfMemory>("scatter", {"[scatter]"}, [] { return scatter(constant({0}), zeros({1}), {n}); }),
          row<OutOfMemory>("a random draw", {"[normal]"}, [] { return random::normal({n}, {.seed = 1}); }),
          row<OutOfMemory>("a permutation", {"[permutation]"}, [] { return random::permutation(n); }),
          row<OutOfMemory>("eye", {"[eye]"}, [] { return eye(n / 4, 4); }),
      });
}

TEST_CASE("nothing beside a huge dimension is still nothing", "[negative]") {
  Tensor t = zeros({0, k62, k62});
  CHECK(t.size() == 0);
  CHECK((t + 1).shape() == Shape{0, k62, k62});
  CHECK(sum(t).item<float>() == 0);
  CHECK(t.to_string() == "[]");
  CHECK(transpose(t).to_vector<float>().empty());
  CHECK(reshape(t, {k62, 0}).size() == 0);
  CHECK(matmul(zeros({3, 0}), zeros({0, 2})).to_vector<float>() == std::vector<float>(6));
}
