// The description of fused kernels: checker, printer, content, structure.
#include "fusion/kernel.h"

#include "catch.h"
#include "keen/error.h"

using namespace keen;
using namespace keen::detail::fusion;
using F = scalar::Function;

namespace {

Kernel softmax() {
  Kernel kernel;
  const int x = kernel.input(float32);
  const int top = kernel.reduce(F::maximum, x);
  const int e = kernel.apply(F::exp, kernel.apply(F::subtract, x, top));
  kernel.store(kernel.apply(F::divide, e, kernel.reduce(F::add, e)));
  return kernel;
}

}  // namespace

TEST_CASE("a fused kernel prints a line a node", "[fusion]") {
  CHECK(
      softmax().to_string() ==
      "%0: float32 = input contiguous\n"
      "%1: float32 = reduce maximum(%0)\n"
      "%2: float32 = subtract(%0, %1)\n"
      "%3: float32 = exp(%2)\n"
      "%4: float32 = reduce add(%3)\n"
      "%5: float32 = divide(%3, %4)\n"
      "store %5\n");
}

TEST_CASE("constants of every dtype print their value", "[fusion]") {
  Kernel kernel;
  kernel.constant(float32, 0.5);
  kernel.constant(float64, -3);
  kernel.constant(int8, -3);
  kernel.constant(uint64, 7);
  kernel.store(kernel.constant(bool_, 1));
  CHECK(
      kernel.to_string() ==
      "%0: float32 = 0.5\n%1: float64 = -3\n%2: int8 = -3\n%3: uint64 = 7\n%4: bool = 1\nstore %4\n");
}

TEST_CASE("a fused kernel survives the way through its content", "[fusion]") {
  const Kernel kernel = softmax();
  const Kernel again = Kernel::from_content(kernel.content());
  CHECK(again.to_string() == kernel.to_string());
  CHECK(again.content() == kernel.content());
  CHECK(again.inputs().size() == 1);
  CHECK_THROWS_AS(Kernel::from_content(std::string_view(kernel.content()).substr(0, 40)), InternalError);
}

TEST_CASE("layouts are part of a kernel's content, sizes are not in it", "[fusion]") {
  const Kernel kernel = softmax();
  const Access strided[] = {Access::strided};
  CHECK(kernel.with_access(strided).content() != kernel.content());
}

TEST_CASE("analysis finds what is known in which pass over a row", "[fusion]") {
  const auto facts = analyse(softmax());
  CHECK(facts.passes == 3);
  CHECK(facts.pass == std::vector<int>{0, 0, 1, 1, 1, 2});
  CHECK(facts.per_element == std::vector<bool>{true, false, true, true, false, true});
  CHECK(facts.stores_elements);
  CHECK(needed_in(softmax(), facts, 0) == std::vector<bool>{true, true, false, false, false, false});
  CHECK(needed_in(softmax(), facts, 2) == std::vector<bool>{true, false, true, true, false, true});
}

TEST_CASE("a reduction without element stores splits into two kernels", "[fusion]") {
  Kernel kernel;
  const int x = kernel.input(float32), scale = kernel.input(float32, Access::broadcast);
  const int total = kernel.reduce(F::add, kernel.apply(F::square, x));
  kernel.store(kernel.apply(F::multiply, total, scale));
  const auto split = split_reduction(kernel);
  REQUIRE(split.possible);
  split.partial.check();
  split.finish.check();
  CHECK(split.partial_inputs == std::vector<int>{0});
  CHECK(split.finish_inputs == std::vector<int>{1});
  CHECK(
      split.finish.to_string() ==
      "%0: float32 = input contiguous\n%1: float32 = input broadcast\n%2: float32 = reduce add(%0)\n"
      "%3: float32 = multiply(%2, %1)\nstore %3\n");
  CHECK_FALSE(split_reduction(softmax()).possible);
}

TEST_CASE("the checker rejects kernels that make no sense", "[fusion]") {
  Kernel nothing_stored;
  nothing_stored.input(float32);
  CHECK_THROWS_AS(nothing_stored.check(), InternalError);

  Kernel two_dtypes;
  const int a = two_dtypes.input(float32), b = two_dtypes.input(float64);
  two_dtypes.store(two_dtypes.apply(F::add, a, b));
  CHECK_THROWS_AS(two_dtypes.check(), InternalError);

  Kernel missing_operand;
  missing_operand.store(missing_operand.apply(F::add, missing_operand.input(float32)));
  CHECK_THROWS_AS(missing_operand.check(), InternalError);

  Kernel no_condition;
  const int x = no_condition.input(float32);
  no_condition.store(no_condition.select(x, x, x));
  CHECK_THROWS_AS(no_condition.check(), InternalError);

  Kernel no_join;
  CHECK_THROWS_AS((no_join.store(no_join.reduce(F::subtract, no_join.input(float32))), no_join.check()), InternalError);
}
