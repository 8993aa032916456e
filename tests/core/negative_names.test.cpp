// Bad input: errors name the operation that was called, print what was written, and say what to do instead.
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "keen/optimizers/optimizers.h"
#include "keen/variable.h"
#include "negative.h"

using namespace keen;
using namespace keen::test;

namespace {

const Tensor undefined;
Tensor of(const Shape& shape, DType dtype = float32) { return ones(shape, {.dtype = dtype}); }

}  // namespace

TEST_CASE("errors name the operation that was called, not those it is made of", "[negative]") {
  check_rows(
      "names",
      {
          row<ShapeError>("zeros", {"[zeros]", "-2"}, [] { return zeros({-2}); }),
          row<ShapeError>("ones", {"[ones]", "-2"}, [] { return ones({-2}); }),
          row<UsageError>("ones_like", {"[ones_like]"}, [] { return ones_like(undefined); }),
          row<UsageError>("full_like", {"[full_like]"}, [] { return full_like(undefined, 1); }),
          row<ShapeError>("allclose", {"[allclose]", "(2,)", "(3,)"}, [] { return allclose(of({2}), of({3})); }),
          row<UsageError>("array_equal", {"[array_equal]"}, [] { return array_equal(undefined, of({3})); }),
          row<DTypeError>(
              "array_equal of uint64 and int64", {"[array_equal]", "uint64"},
              [] { return array_equal(of({2}, uint64), of({2}, int64)); }),
          row<UsageError>("gelu", {"[gelu]"}, [] { return gelu(undefined); }),
          row<DTypeError>("gelu of complex numbers", {"[gelu]"}, [] { return gelu(of({2}, complex64)); }),
          row<ShapeError>("dot", {"[dot]", "(2,)", "(3,)"}, [] { return dot(of({2}), of({3})); }),
          row<IndexError>("set", {"[set]", "7"}, [] { return set(of({2}), {7}, 1); }),
          row<UsageError>("set of nothing", {"[set]"}, [] { return set(of({2}), {0}, undefined); }),
          row<ShapeError>("range of a vector", {"[range]", "(2,)"}, [] { return range(of({2}, int32)).tensor(); }),
          row<UsageError>("range of nothing", {"[range]"}, [] { return range(undefined).tensor(); }),
          row<UsageError>("flatten", {"[flatten]"}, [] { return flatten(undefined); }),
          row<UsageError>("argmin", {"[argmin]"}, [] { return argmin(undefined); }),
      });
}

TEST_CASE("errors print numbers as they were written", "[negative]") {
  check_rows(
      "numbers as written", {
                                row<ShapeError>(
                                    "reshape by -1 that does not fit", {"(2, -1)"},
                                    [] {
                                      return reshape(of({5}), {2, -1});
                                    }),
                                row<ShapeError>(
                                    "reshape by two -1", {"(-1, -1)", "only one"},
                                    [] {
                                      return reshape(of({4}), {-1, -1});
                                    }),
                                row<ShapeError>(
                                    "reshape by -2", {"(-2, 2)"},
                                    [] {
                                      return reshape(of({4}), {-2, 2});
                                    }),
                                row<ShapeError>(
                                    "split into a negative part", {"(-1, 5)"},
                                    [] {
                                      return split(of({4}), std::vector<std::int64_t>{-1, 5});
                                    }),
                                row<ShapeError>(
                                    "tile by -1 of another rank", {"(-1, 2)"},
                                    [] {
                                      return tile(of({4}), {-1, 2});
                                    }),
                                row<IndexError>(
                                    "an axis named twice", {"(-1, 1)"},
                                    [] {
                                      return sum(of({2, 2}), {-1, 1});
                                    }),
                                row<ShapeError>(
                                    "too short a permutation", {"(-1,)"},
                                    [] {
                                      return transpose(of({2, 2}), {-1});
                                    }),
                                row<ShapeError>(
                                    "broadcast to -1", {"(-1, 3)"},
                                    [] {
                                      return broadcast_to(of({2, 2}), {-1, 3});
                                    }),
                            });
}

TEST_CASE("errors say what to do instead", "[negative]") {
  check_rows(
      "ways out",
      {
          row<DTypeError>(
              "a mask as an index", {"[gather]", "bool", "where(mask"},
              [] {
                Tensor x = of({3});
                return x[x > 0];
              }),
          row<DTypeError>("indices of floats", {"[gather]", "cast(int64)"}, [] { return of({3})[of({1})]; }),
          row<ShapeError>(
              "a matrix and a vector", {"[matmul]", "(2, 3)", "(2,)", "3 and 2"},
              [] {
                return matmul(of({2, 3}), of({2}));
              }),
          row<ShapeError>(
              "batches", {"[matmul]", "(2, 2, 3)", "(3, 3, 4)", "(2,) and (3,) do not broadcast"},
              [] {
                return matmul(of({2, 2, 3}), of({3, 3, 4}));
              }),
          row<ShapeError>(
              "a value of another shape", {"[assign]", "'w'", "(2, 3)", "(3,)", "broadcast_to(value, (2, 3))"},
              [] {
                return Variable(of({2, 3}), {.name = "w"}).assign(of({3}));
              }),
          row<ShapeError>(
              "a gradient of another shape", {"[apply_gradients]", "'w'", "(2, 3)", "(3,)", "one list of variables"},
              [] {
                optimizers::SGD(0.1).apply_gradients(
                    std::vector{of({3})}, std::vector{Variable(of({2, 3}), {.name = "w"})});
                return 0;
              }),
          row<DTypeError>(
              "unsigned and negative numbers", {"[constant]", "int32 and uint64", "{.dtype = float64}"},
              [] {
                return constant({Literal(-1), Literal(~std::uint64_t{0})});
              }),
          row<OutOfMemory>("too much", {"[zeros]", "smaller batches"}, [] { return zeros({std::int64_t{1} << 45}); }),
      });
}
