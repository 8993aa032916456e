// Bad input: indices and axes out of range, of wrong dtypes and shapes.
#include <limits>

#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/shape.h"
#include "keen/variable.h"
#include "negative.h"

using namespace keen;
using namespace keen::test;

namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

Tensor matrix() { return reshape(range(12.).tensor(), {3, 4}); }

}  // namespace

TEST_CASE("indices out of range are IndexErrors that name them", "[negative]") {
  check_rows(
      "indices out of range",
      {
          row<IndexError>("x[3] of three", {"[index]", "3"}, [] { return matrix()[3]; }),
          row<IndexError>("x[-4] of three", {"[index]", "-4"}, [] { return matrix()[-4]; }),
          row<IndexError>("x[least]", {"[index]", "-9223372036854775808"}, [] { return matrix()[least]; }),
          row<IndexError>("x(0, 4)", {"[index]", "4", "axis 1"}, [] { return matrix()(0, 4); }),
          row<IndexError>("x(0, 0, 0)", {"[index]", "3", "rank 2"}, [] { return matrix()(0, 0, 0); }),
          row<IndexError>("two ellipses", {"[index]", "ellipsis"}, [] { return matrix()(ellipsis, ellipsis); }),
          row<IndexError>("x[0] of a number", {"[index]", "0-d"}, [] { return constant(1.f)[0]; }),
          row<IndexError>(
              "x[0] of nothing", {"[index]", "0"},
              [] {
                return zeros({0, 3})[0];
              }),
          row<UsageError>("a step of 0", {"[index]", "step"}, [] { return matrix()(slice({}, {}, 0)); }),
          row<IndexError>("set out of range", {"[set]", "5"}, [] { return set(matrix(), {5}, constant(1.f)); }),
          row<ShapeError>(
              "set of an unfitting value", {"[set]", "(3,)", "(4,)"}, [] { return set(matrix(), {1}, zeros({3})); }),
          row<ShapeError>(
              "set of a larger value", {"[set]"},
              [] {
                return set(matrix(), {1, 1}, zeros({2}));
              }),
          row<IndexError>(
              "gather above", {"[gather]", "3"},
              [] {
                return gather(matrix(), constant({0, 3}));
              }),
          row<IndexError>("gather below", {"[gather]", "-4"}, [] { return gather(matrix(), constant({-4})); }),
          row<IndexError>(
              "gather along axis 1", {"[gather]", "4"},
              [] {
                return gather(matrix(), constant({{0, 4}, {1, 2}}), 1);
              }),
          row<IndexError>(
              "gather with unsigned bytes", {"[gather]", "255"},
              [] {
                return gather(matrix(), constant({0, 255}, {.dtype = uint8}));
              }),
          row<IndexError>("gather with a huge index", {"[gather]"}, [] { return gather(matrix(), constant({least})); }),
          row<IndexError>(
              "gather with 2^63 unsigned", {"[gather]"}, [] { return gather(matrix(), full({1}, ~std::uint64_t{0})); }),
          row<IndexError>(
              "gather from nothing", {"[gather]", "0"},
              [] {
                return gather(zeros({0, 2}), constant({0}));
              }),
          row<IndexError>(
              "gather deep in a large tensor", {"[gather]", "100000"},
              [] {
                return gather(zeros({100000, 8}), set(range(100000).tensor(), {77777}, constant(100000)));
              }),
          row<IndexError>("take above", {"[take]", "9"}, [] { return take(matrix(), constant(9)); }),
          row<IndexError>("x[tensor] above", {"[gather]", "3"}, [] { return matrix()[constant({3})]; }),
          row<DTypeError>(
              "gather with floating indices", {"[gather]", "float32"},
              [] { return gather(matrix(), constant({0.f})); }),
          row<DTypeError>(
              "gather with bool indices", {"[gather]", "bool"}, [] { return gather(matrix(), constant({true})); }),
          row<IndexError>(
              "gather along axis 2", {"[gather]", "axis 2", "rank 2"},
              [] { return gather(matrix(), constant({0}), 2); }),
          row<IndexError>(
              "gather from a number", {"[gather]", "axis 0"}, [] { return gather(constant(1.f), constant({0})); }),
          row<IndexError>(
              "scatter above", {"[scatter]", "3"},
              [] {
                return scatter(constant({0, 3}), zeros({2, 4}), {3, 4});
              }),
          row<IndexError>(
              "scatter below", {"[scatter]", "-4"},
              [] {
                return scatter(constant({-4}), zeros({1, 4}), {3, 4});
              }),
          row<ShapeError>(
              "scatter of unfitting updates", {"[scatter]", "(2, 4)", "(3, 4)"},
              [] {
                return scatter(constant({0, 1, 2}), zeros({2, 4}), {3, 4});
              }),
          row<ShapeError>(
              "scatter with a matrix of indices", {"[scatter]", "(1, 1)"},
              [] {
                return scatter(constant({{0}}), zeros({1, 4}), {3, 4});
              }),
          row<ShapeError>(
              "scatter into a number", {"[scatter]", "()"}, [] { return scatter(constant({0}), zeros({1}), {}); }),
          row<DTypeError>(
              "scatter with floating indices", {"[scatter]", "float32"},
              [] { return scatter(constant({0.f}), zeros({1}), {3}); }),
          row<IndexError>(
              "take_along_axis above", {"[take_along_axis]", "4"},
              [] {
                return take_along_axis(matrix(), constant({{4}, {0}, {0}}), 1);
              }),
          row<IndexError>(
              "take_along_axis below", {"[take_along_axis]", "-5"},
              [] {
                return take_along_axis(matrix(), constant({{0}, {-5}, {0}}), 1);
              }),
          row<ShapeError>(
              "take_along_axis of another shape", {"[take_along_axis]", "(2, 1)", "(3, 4)"},
              [] {
                return take_along_axis(matrix(), constant({{0}, {0}}), 1);
              }),
          row<ShapeError>(
              "take_along_axis of another rank", {"[take_along_axis]", "(2,)"},
              [] {
                return take_along_axis(matrix(), constant({0, 1}), 1);
              }),
          row<IndexError>(
              "take_along_axis along axis 2", {"[take_along_axis]", "axis 2"},
              [] { return take_along_axis(matrix(), constant({{0}}), 2); }),
          row<IndexError>(
              "one_hot above", {"[one_hot]", "3"},
              [] {
                return one_hot(constant({0, 3}), 3);
              }),
          row<IndexError>("one_hot below", {"[one_hot]", "-1"}, [] { return one_hot(constant({-1}), 3); }),
          row<IndexError>("one_hot of depth 0", {"[one_hot]", "0"}, [] { return one_hot(constant({0}), 0); }),
          row<DTypeError>("one_hot of floats", {"[one_hot]", "float32"}, [] { return one_hot(constant({0.f}), 3); }),
          row<IndexError>(
              "a label above", {"[sparse_softmax_cross_entropy]", "4"},
              [] {
                return sparse_softmax_cross_entropy(constant({0, 4, 1}), matrix());
              }),
          row<IndexError>(
              "a label below", {"[sparse_softmax_cross_entropy]", "-1"},
              [] {
                return sparse_softmax_cross_entropy(constant({0, -1, 1}), matrix());
              }),
          row<IndexError>(
              "scatter_update above", {"[scatter_update]", "3"},
              [] {
                Variable v(matrix());
                v.scatter_update(constant({3}), zeros({1, 4}));
                return 0;
              }),
          row<IndexError>(
              "scatter_add below", {"[scatter_add]", "-4"},
              [] {
                Variable v(matrix());
                v.scatter_add(constant({0, -4}), zeros({2, 4}));
                return 0;
              }),
      });
}

TEST_CASE("axes out of range or named twice are IndexErrors", "[negative]") {
  check_rows(
      "axes",
      {
          row<IndexError>("dim(2)", {"[dim]", "axis 2", "(3, 4)"}, [] { return matrix().dim(2); }),
          row<IndexError>("dim(-3)", {"[dim]", "-3"}, [] { return matrix().dim(-3); }),
          row<IndexError>("sum over axis 2", {"[sum]", "axis 2", "rank 2"}, [] { return sum(matrix(), 2); }),
          row<IndexError>("sum over axis -3", {"[sum]", "axis -3"}, [] { return sum(matrix(), -3); }),
          row<IndexError>(
              "sum of a number over axis 1", {"[sum]", "axis 1", "rank 0"}, [] { return sum(constant(1.f), 1); }),
          row<IndexError>(
              "max over an axis twice", {"[max]", "twice"},
              [] {
                return max(matrix(), {0, 0});
              }),
          row<IndexError>(
              "mean over an axis twice, once from the end", {"[mean]", "axis 1", "twice"},
              [] {
                return mean(matrix(), {1, -1});
              }),
          row<IndexError>("any over axis 7", {"[any]", "axis 7"}, [] { return any(matrix(), 7); }),
          row<IndexError>("variance over axis 2", {"[variance]", "axis 2"}, [] { return variance(matrix(), 2); }),
          row<IndexError>("logsumexp over axis 2", {"[logsumexp]", "axis 2"}, [] { return logsumexp(matrix(), 2); }),
          row<IndexError>("argmax along axis 2", {"[argmax]", "axis 2"}, [] { return argmax(matrix(), 2); }),
          row<IndexError>(
              "transpose by an axis twice", {"[transpose]", "twice"},
              [] {
                return transpose(matrix(), {0, 0});
              }),
          row<IndexError>(
              "transpose by axis 2", {"[transpose]", "axis 2"},
              [] {
                return transpose(matrix(), {0, 2});
              }),
          row<ShapeError>(
              "transpose by too few axes", {"[transpose]", "(0,)"}, [] { return transpose(matrix(), {0}); }),
          row<IndexError>("squeeze axis 2", {"[squeeze]", "axis 2"}, [] { return squeeze(matrix(), 2); }),
          row<IndexError>("expand_dims at 3", {"[expand_dims]", "axis 3"}, [] { return expand_dims(matrix(), 3); }),
          row<IndexError>("expand_dims at -4", {"[expand_dims]", "axis -4"}, [] { return expand_dims(matrix(), -4); }),
          row<IndexError>("flip axis 2", {"[flip]", "axis 2"}, [] { return flip(matrix(), 2); }),
          row<IndexError>(
              "concat along axis 2", {"[concat]", "axis 2"},
              [] {
                return concat({matrix(), matrix()}, 2);
              }),
          row<IndexError>(
              "concat of numbers", {"[concat]", "axis 0"},
              [] {
                return concat({constant(1.f), constant(2.f)});
              }),
          row<IndexError>(
              "stack along axis 3", {"[stack]", "axis 3"},
              [] {
                return stack({matrix(), matrix()}, 3);
              }),
          row<IndexError>("split along axis 2", {"[split]", "axis 2"}, [] { return split(matrix(), 1, 2); }),
          row<IndexError>("unstack a number", {"[unstack]", "axis 0"}, [] { return unstack(constant(1.f)); }),
          row<IndexError>("softmax along axis 2", {"[softmax]", "axis 2"}, [] { return softmax(matrix(), 2); }),
          row<IndexError>(
              "log_softmax of a number along axis 1", {"[log_softmax]", "axis 1"},
              [] { return log_softmax(constant(1.f), 1); }),
          row<ShapeError>("iterating over a number", {"0-d"}, [] { return constant(1.f).begin(); }),
      });
}
