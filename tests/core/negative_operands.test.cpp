// Bad input: operands whose shapes, dtypes or values do not fit the operation, and undefined ones.
#include "keen/nn/layers.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/shape.h"
#include "keen/variable.h"
#include "negative.h"

using namespace keen;
using namespace keen::test;

namespace {

Tensor of(const Shape& shape, DType dtype = float32) { return ones(shape, {.dtype = dtype}); }
const Tensor undefined;

}  // namespace

TEST_CASE("shapes that do not broadcast are ShapeErrors with both shapes", "[negative]") {
  check_rows(
      "broadcasting",
      {
          row<ShapeError>(
              "add", {"[add]", "(2, 3)", "(2,)"},
              [] {
                return of({2, 3}) + of({2});
              }),
          row<ShapeError>(
              "multiply", {"[multiply]", "(2, 3)", "(3, 2)"},
              [] {
                return of({2, 3}) * of({3, 2});
              }),
          row<ShapeError>("nothing with two", {"[add]", "(0,)", "(2,)"}, [] { return of({0}) + of({2}); }),
          row<ShapeError>("mixed dtypes", {"[subtract]", "(2,)", "(3,)"}, [] { return of({2}, int32) - of({3}); }),
          row<ShapeError>("less", {"[less]", "(4,)", "(5,)"}, [] { return of({4}) < of({5}); }),
          row<ShapeError>(
              "equal of other ranks", {"[equal]", "(2, 2)", "(3,)"},
              [] {
                return of({2, 2}) == of({3});
              }),
          row<ShapeError>(
              "logical_and", {"[logical_and]", "(2,)", "(3,)"}, [] { return of({2}, bool_) & of({3}, bool_); }),
          row<ShapeError>("pow", {"[pow]", "(2,)", "(3,)"}, [] { return pow(of({2}), of({3})); }),
          row<ShapeError>(
              "where: the condition", {"[where]", "(2,)", "(3,)"}, [] { return where(of({2}, bool_), of({3}), 0); }),
          row<ShapeError>(
              "where: the branches", {"[where]", "(3,)", "(2,)"},
              [] { return where(of({1}, bool_), of({3}), of({2})); }),
          row<ShapeError>("clip", {"[clip]", "(3,)", "(2,)"}, [] { return clip(of({3}), of({2}), 4); }),
          row<ShapeError>(
              "+= leaves the left side as it was", {"[add]"},
              [] {
                Tensor a = of({2});
                a += of({3});
                return a;
              }),
      });
}

TEST_CASE("dtypes that an operation does not take are DTypeErrors", "[negative]") {
  check_rows(
      "dtypes",
      {
          row<DTypeError>(
              "uint64 with int64", {"[add]", "uint64", "int64"}, [] { return of({2}, uint64) + of({2}, int64); }),
          row<DTypeError>(
              "int8 with uint64", {"[multiply]", "int8", "uint64"}, [] { return of({2}, int8) * of({2}, uint64); }),
          row<DTypeError>("promote", {"[promote]", "uint64", "int32"}, [] { return promote(uint64, int32); }),
          row<DTypeError>(
              "concat of uint64 and int64", {"[concat]", "uint64"},
              [] {
                return concat({of({2}, uint64), of({2}, int64)});
              }),
          row<DTypeError>("bool minus bool", {"[subtract]", "bool"}, [] { return of({2}, bool_) - of({2}, bool_); }),
          row<DTypeError>("minus a bool", {"[negative]", "bool"}, [] { return -of({2}, bool_); }),
          row<DTypeError>("abs of bool", {"[abs]", "bool"}, [] { return abs(of({2}, bool_)); }),
          row<DTypeError>("bool modulo bool", {"[mod]", "bool"}, [] { return of({2}, bool_) % of({2}, bool_); }),
          row<DTypeError>("bool to a power", {"[pow]", "bool"}, [] { return pow(of({2}, bool_), of({2}, bool_)); }),
          row<DTypeError>("logical_and of floats", {"[logical_and]", "float32"}, [] { return of({2}) & of({2}); }),
          row<DTypeError>("logical_not of integers", {"[logical_not]", "int32"}, [] { return !of({2}, int32); }),
          row<DTypeError>("a condition of floats", {"[where]", "float32", "bool"}, [] { return where(of({2}), 1, 0); }),
          row<DTypeError>(
              "float16 arithmetic", {"[add]", "float16"}, [] { return of({2}, float16) + of({2}, float16); }),
          row<DTypeError>("complex exp", {"[exp]", "complex64"}, [] { return exp(of({2}, complex64)); }),
          row<DTypeError>("bfloat16 sum", {"[sum]", "bfloat16"}, [] { return sum(of({2}, bfloat16)); }),
          row<DTypeError>(
              "complex matmul", {"[matmul]", "complex128"},
              [] {
                return matmul(of({2, 2}, complex128), of({2, 2}, complex128));
              }),
          row<DTypeError>(
              "bool matmul", {"[matmul]", "bool"},
              [] {
                return matmul(of({2, 2}, bool_), of({2, 2}, bool_));
              }),
          row<DTypeError>(
              "int32 convolution", {"[conv2d]", "int32"},
              [] {
                return conv2d(of({1, 4, 4, 1}, int32), of({2, 2, 1, 1}, int32));
              }),
          row<DTypeError>(
              "int32 pooling", {"[max_pool2d]", "int32"},
              [] {
                return max_pool2d(of({1, 4, 4, 1}, int32));
              }),
          row<DTypeError>("dropout of integers", {"[dropout]", "int32"}, [] { return dropout(of({2}, int32), 0.5); }),
          row<DTypeError>(
              "floating labels", {"[sparse_softmax_cross_entropy]", "float32"},
              [] {
                return sparse_softmax_cross_entropy(of({2}), of({2, 3}));
              }),
          row<DTypeError>(
              "integer logits", {"[sparse_softmax_cross_entropy]", "int64"},
              [] {
                return sparse_softmax_cross_entropy(of({2}, int32), of({2, 3}, int64));
              }),
      });
}

TEST_CASE("numbers that do not fit the tensor's dtype are DTypeErrors", "[negative]") {
  check_rows(
      "weak numbers",
      {
          row<DTypeError>("uint8 + 300", {"[add]", "300", "uint8"}, [] { return of({2}, uint8) + 300; }),
          row<DTypeError>("uint8 - (-1)", {"[subtract]", "-1", "uint8"}, [] { return of({2}, uint8) - (-1); }),
          row<DTypeError>("200 * int8", {"[multiply]", "200", "int8"}, [] { return 200 * of({2}, int8); }),
          row<DTypeError>(
              "int32 + 2^40", {"[add]", "1099511627776", "int32"},
              [] { return of({2}, int32) + (std::int64_t{1} << 40); }),
          row<DTypeError>("uint64 + -1", {"[add]", "-1", "uint64"}, [] { return of({2}, uint64) + -1; }),
          row<DTypeError>(
              "int32 + 2^64 - 1", {"[add]", "18446744073709551615", "int32"},
              [] { return of({2}, int32) + ~std::uint64_t{0}; }),
          row<DTypeError>(
              "where(…, uint8, -5)", {"[where]", "-5", "uint8"},
              [] { return where(of({2}, bool_), of({2}, uint8), -5); }),
          row<DTypeError>(
              "full of 300 as uint8", {"[full]", "300", "uint8"}, [] { return full({2}, 300, {.dtype = uint8}); }),
          row<DTypeError>(
              "constant 2000 as int8", {"[constant]", "2000", "int8"},
              [] {
                return constant({1, 2000}, {.dtype = int8});
              }),
          row<DTypeError>(
              "constant -1 as uint16", {"[constant]", "-1", "uint16"}, [] { return constant(-1, {.dtype = uint16}); }),
          row<DTypeError>(
              "constant 1.5 as int32", {"[constant]", "1.5", "int32"},
              [] {
                return constant({1.0, 1.5}, {.dtype = int32});
              }),
          row<DTypeError>(
              "constant NaN as int64", {"[constant]", "nan", "int64"}, [] { return constant(NAN, {.dtype = int64}); }),
          row<DTypeError>(
              "constant 300.0 as int8", {"[constant]", "300", "int8"}, [] { return constant(300., {.dtype = int8}); }),
          row<DTypeError>(
              "constant -2.0 as uint8", {"[constant]", "-2", "uint8"}, [] { return constant(-2., {.dtype = uint8}); }),
          row<DTypeError>(
              "a container of fractions as int32", {"[constant]", "0.5", "int32"},
              [] {
                return constant(std::vector<double>{1, 0.5}, {.dtype = int32});
              }),
          row<DTypeError>(
              "a container of ints as int8", {"[constant]", "200", "int8", "-128 to 127"},
              [] {
                return constant(std::vector<int>{1, 200}, {.dtype = int8});
              }),
          row<DTypeError>(
              "full of 1.5 as int32", {"[full]", "1.5", "int32", "floating"},
              [] { return full({2}, 1.5, {.dtype = int32}); }),
          row<DTypeError>(
              "full of infinity as int64", {"[full]", "inf", "int64"},
              [] { return full({2}, INFINITY, {.dtype = int64}); }),
          row<DTypeError>(
              "full_like of a fraction", {"[full_like]", "2.5", "int32"},
              [] { return full_like(of({2}, int32), 2.5); }),
          row<DTypeError>(
              "assign 1.5 to an integer", {"[assign]", "1.5", "int32"},
              [] {
                Variable(1).assign(1.5);
                return 0;
              }),
          row<DTypeError>(
              "assign_add 0.5 to an integer", {"[assign_add]", "0.5", "int32"},
              [] {
                Variable(1).assign_add(0.5);
                return 0;
              }),
          row<DTypeError>(
              "assign_sub 300 from uint8", {"[assign_sub]", "300", "uint8"},
              [] {
                Variable(ones({}, {.dtype = uint8})).assign_sub(300);
                return 0;
              }),
          row<DTypeError>("set to a fraction", {"[set]", "1.5", "int32"}, [] { return set(of({2}, int32), {0}, 1.5); }),
          row<DTypeError>(
              "set to 300 of uint8", {"[set]", "300", "uint8"}, [] { return set(of({2}, uint8), {0}, 300); }),
          row<DTypeError>(
              "set to floating elements", {"[set]", "float32", "int32"},
              [] { return set(of({2}, int32), {0}, constant(1.5f)); }),
          row<DTypeError>(
              "set to wider elements", {"[set]", "int32", "uint8"},
              [] { return set(of({2}, uint8), {0}, constant(300)); }),
          row<DTypeError>(
              "pad with a fraction", {"[pad]", "1.5", "int32"},
              [] {
                return pad(of({2}, int32), {{1, 1}}, 1.5);
              }),
          row<DTypeError>(
              "pad with 256 of uint8", {"[pad]", "256", "uint8"},
              [] {
                return pad(of({2}, uint8), {{1, 1}}, 256);
              }),
          row<DTypeError>(
              "range to 300 as int8", {"[range]", "128", "int8"}, [] { return range(300, {.dtype = int8}).tensor(); }),
          row<DTypeError>(
              "range by 0.5 as int32", {"[range]", "0.5", "int32"},
              [] { return range(0., 2., 0.5, {.dtype = int32}).tensor(); }),
          row<DTypeError>(
              "linspace by fractions as int32", {"[linspace]", "2.5", "int32"},
              [] { return linspace(0, 5, 3, {.dtype = int32}); }),
          row<DTypeError>(
              "maximum of uint8 and 300", {"[maximum]", "300"}, [] { return maximum(of({2}, uint8), 300); }),
          row<DTypeError>("clip of uint8 from 300", {"[clip]", "300"}, [] { return clip(of({2}, uint8), 300, 400); }),
          row<DTypeError>(
              "constant 2^63 as int64", {"[constant]", "int64"},
              [] { return constant(std::uint64_t{1} << 63, {.dtype = int64}); }),
      });
}

TEST_CASE("undefined tensors are UsageErrors that name the operation", "[negative]") {
  check_rows(
      "undefined tensors",
      {
          row<UsageError>("add", {"[add]", "undefined"}, [] { return undefined + 1; }),
          row<UsageError>("add on the right", {"[add]", "undefined"}, [] { return 1 + undefined; }),
          row<UsageError>("exp", {"[exp]", "undefined"}, [] { return exp(undefined); }),
          row<UsageError>("floor", {"[floor]", "undefined"}, [] { return floor(undefined); }),
          row<UsageError>("where", {"[where]", "undefined"}, [] { return where(undefined, 1, 2); }),
          row<UsageError>("sum", {"[sum]", "undefined"}, [] { return sum(undefined); }),
          row<UsageError>("argmax", {"[argmax]", "undefined"}, [] { return argmax(undefined); }),
          row<UsageError>("cast", {"[cast]", "undefined"}, [] { return undefined.cast(int32); }),
          row<UsageError>("reshape", {"[reshape]", "undefined"}, [] { return reshape(undefined, {1}); }),
          row<UsageError>("transpose", {"[transpose]", "undefined"}, [] { return transpose(undefined); }),
          row<UsageError>(
              "concat", {"[concat]", "undefined"},
              [] {
                return concat({of({2}), undefined});
              }),
          row<UsageError>(
              "matmul", {"[matmul]", "undefined"},
              [] {
                return matmul(of({2, 2}), undefined);
              }),
          row<UsageError>(
              "conv2d", {"[conv2d]", "undefined"},
              [] {
                return conv2d(of({1, 4, 4, 1}), undefined);
              }),
          row<UsageError>("max_pool2d", {"[max_pool2d]", "undefined"}, [] { return max_pool2d(undefined); }),
          row<UsageError>("softmax", {"[softmax]", "undefined"}, [] { return softmax(undefined); }),
          row<UsageError>("gather", {"[gather]", "undefined"}, [] { return gather(of({2}), undefined); }),
          row<UsageError>("set", {"[set]", "undefined"}, [] { return set(undefined, {0}, of({})); }),
          row<UsageError>("one_hot", {"[one_hot]", "undefined"}, [] { return one_hot(undefined, 3); }),
          row<UsageError>("zeros_like", {"[zeros_like]", "undefined"}, [] { return zeros_like(undefined); }),
          row<UsageError>("full of it", {"[full]", "undefined"}, [] { return full({2}, undefined); }),
          row<UsageError>("x[0]", {"[index]", "undefined"}, [] { return undefined[0]; }),
          row<UsageError>("shape", {"[shape]", "undefined"}, [] { return undefined.shape(); }),
          row<UsageError>("dtype", {"[dtype]", "undefined"}, [] { return undefined.dtype(); }),
          row<UsageError>("item", {"[item]", "undefined"}, [] { return undefined.item<float>(); }),
          row<UsageError>("to_vector", {"[to_vector]", "undefined"}, [] { return undefined.to_vector<float>(); }),
          row<UsageError>("span", {"[span]", "undefined"}, [] { return undefined.span<float>(); }),
          row<UsageError>("cpu", {"[to]", "undefined"}, [] { return undefined.cpu(); }),
          row<UsageError>("allclose", {"[allclose]", "undefined"}, [] { return allclose(undefined, of({2})); }),
          row<UsageError>("norm", {"[norm]", "undefined"}, [] { return norm(undefined); }),
          row<UsageError>("contiguous", {"[contiguous]", "undefined"}, [] { return contiguous(undefined); }),
      });
}

TEST_CASE("products, convolutions and pooling reject what does not fit", "[negative]") {
  Tensor x = of({2, 5, 6, 3}), f = of({3, 3, 3, 4});
  check_rows(
      "products, convolutions, pooling",
      {
          row<ShapeError>(
              "inner dimensions", {"[matmul]", "(2, 3)", "(4, 5)", "3 and 4"},
              [] {
                return matmul(of({2, 3}), of({4, 5}));
              }),
          row<ShapeError>(
              "inner dimensions, transposed", {"[matmul]", "(2, 3)", "(3, 2)"},
              [] {
                return matmul(of({2, 3}), of({3, 2}), {.transpose_a = true});
              }),
          row<ShapeError>(
              "batches that do not broadcast", {"[matmul]", "(2,", "(3,"},
              [] {
                return matmul(of({2, 3, 4}), of({3, 4, 5}));
              }),
          row<ShapeError>(
              "a number", {"[matmul]", "()"},
              [] {
                return matmul(of({}), of({2, 2}));
              }),
          row<ShapeError>(
              "vectors of unequal lengths", {"[matmul]", "(2,)", "(3,)"}, [] { return matmul(of({2}), of({3})); }),
          row<ShapeError>(
              "a vector that does not fit a matrix", {"[matmul]", "(2,)"},
              [] {
                return matmul(of({2}), of({3, 4}));
              }),
          row<ShapeError>(
              "a matrix that does not fit a vector", {"[matmul]", "(3, 4)"},
              [] {
                return matmul(of({3, 4}), of({3}));
              }),
          row<ShapeError>(
              "a transposed vector", {"[matmul]", "(3,)"},
              [] {
                return matmul(of({3}), of({3, 4}), {.transpose_a = true});
              }),
          row<ShapeError>(
              "dot of matrices", {"[dot]", "(2, 2)"},
              [] {
                return dot(of({2, 2}), of({2, 2}));
              }),
          row<ShapeError>(
              "images of rank 2", {"[conv2d]", "(5, 6)"},
              [=] {
                return conv2d(of({5, 6}), f);
              }),
          row<ShapeError>(
              "filters of rank 3", {"[conv2d]", "(3, 3, 4)"},
              [=] {
                return conv2d(x, of({3, 3, 4}));
              }),
          row<ShapeError>(
              "channels that differ", {"[conv2d]", "(3, 3, 2, 4)"},
              [=] {
                return conv2d(x, of({3, 3, 2, 4}));
              }),
          row<ShapeError>(
              "channels that differ by groups", {"[conv2d]", "groups"},
              [=] {
                return conv2d(x, of({3, 3, 1, 4}), {.groups = 2});
              }),
          row<ShapeError>(
              "outputs that do not divide into groups", {"[conv2d]", "4", "3 groups"},
              [=] {
                return conv2d(x, of({3, 3, 1, 4}), {.groups = 3});
              }),
          row<UsageError>("no groups", {"[conv2d]", "0"}, [=] { return conv2d(x, f, {.groups = 0}); }),
          row<UsageError>(
              "a negative number of groups", {"[conv2d]", "-3"}, [=] { return conv2d(x, f, {.groups = -3}); }),
          row<UsageError>(
              "stride 0", {"[conv2d]", "stride 0"},
              [=] {
                return conv2d(x, f, {.strides = {1, 0}});
              }),
          row<UsageError>(
              "stride -1", {"[conv2d]", "stride -1"},
              [=] {
                return conv2d(x, f, {.strides = {-1, 1}});
              }),
          row<UsageError>(
              "dilation 0", {"[conv2d]", "dilation 0"},
              [=] {
                return conv2d(x, f, {.dilation = {0, 1}});
              }),
          row<UsageError>(
              "an unknown padding", {"[conv2d]", "full"}, [=] { return conv2d(x, f, {.padding = "full"}); }),
          row<ShapeError>(
              "filters larger than the images", {"[conv2d]", "7"},
              [=] {
                return conv2d(x, of({7, 3, 3, 4}));
              }),
          row<ShapeError>(
              "filters dilated beyond the images", {"[conv2d]"},
              [=] {
                return conv2d(x, f, {.dilation = {1, 2147483647}});
              }),
          row<ShapeError>(
              "empty filters", {"[conv2d]", "(0, 3, 3, 4)"},
              [=] {
                return conv2d(x, of({0, 3, 3, 4}));
              }),
          row<ShapeError>(
              "pooling a matrix", {"[max_pool2d]", "(5, 6)"},
              [] {
                return max_pool2d(of({5, 6}));
              }),
          row<UsageError>(
              "an empty window", {"[max_pool2d]", "window size 0"},
              [=] {
                return max_pool2d(x, {.window = {0, 2}});
              }),
          row<UsageError>(
              "a negative window", {"[avg_pool2d]", "-2"},
              [=] {
                return avg_pool2d(x, {.window = {2, -2}});
              }),
          row<UsageError>(
              "pooling by stride 0", {"[avg_pool2d]", "stride 0"},
              [=] {
                return avg_pool2d(x, {.strides = {0, 1}});
              }),
          row<ShapeError>(
              "a window larger than the images", {"[max_pool2d]", "6"},
              [=] {
                return max_pool2d(x, {.window = {6, 2}});
              }),
          row<UsageError>(
              "an unknown padding of a pool", {"[avg_pool2d]", "valid"},
              [=] { return avg_pool2d(x, {.padding = ""}); }),
          row<ShapeError>(
              "labels and logits of unequal lengths", {"[sparse_softmax_cross_entropy]", "(3,)", "(2, 4)"},
              [] {
                return sparse_softmax_cross_entropy(of({3}, int32), of({2, 4}));
              }),
          row<ShapeError>(
              "logits that are a vector", {"[sparse_softmax_cross_entropy]", "(4,)"},
              [] { return sparse_softmax_cross_entropy(of({4}, int32), of({4})); }),
          row<ShapeError>(
              "dense labels of another shape", {"[softmax_cross_entropy]", "(2, 3)", "(2, 4)"},
              [] {
                return softmax_cross_entropy(of({2, 3}), of({2, 4}));
              }),
          row<UsageError>("dropout of everything", {"[dropout]", "1"}, [=] { return dropout(x, 1); }),
          row<UsageError>("dropout by a negative rate", {"[dropout]", "-0.1"}, [=] { return dropout(x, -0.1); }),
          row<UsageError>("dropout by NaN", {"[dropout]", "nan"}, [=] { return dropout(x, NAN); }),
      });
}
