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
  Kernel kernel = softmax();
  kernel.limit_rows(8);
  const Kernel again = Kernel::from_content(kernel.content());
  CHECK(again.most_elements() == 8);
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

TEST_CASE("a row kernel keeps what is dear to compute again, and that alone", "[fusion]") {
  const Kernel kept = with_kept_values(softmax());
  CHECK(kept.to_string() == softmax().to_string() + "keep %3\n");
  const auto facts = analyse(kept);
  CHECK(facts.kept_in == std::vector<int>{-1, -1, -1, 1, -1, -1});
  CHECK(needed_in(kept, facts, 1) == std::vector<bool>{true, false, true, true, true, false});
  CHECK(needed_in(kept, facts, 2) == std::vector<bool>{false, false, false, true, false, true});
  CHECK(Kernel::from_content(kept.content()).to_string() == kept.to_string());

  // x − mean is as cheap as reading it back.
  Kernel spread;
  const int x = spread.input(float32);
  const int difference = spread.apply(F::subtract, x, spread.reduce(F::add, x));
  spread.store(spread.apply(F::divide, difference, spread.reduce(F::add, spread.apply(F::square, difference))));
  CHECK(with_kept_values(spread).kept().empty());

  // Of a chain that two passes compute, its end.
  Kernel chain;
  const int a = chain.input(float32);
  const int end = chain.apply(F::tanh, chain.apply(F::exp, a));
  chain.store(chain.apply(F::add, end, chain.reduce(F::maximum, end)));
  const Kernel keeping = with_kept_values(chain);
  CHECK(std::vector<int>(keeping.kept().begin(), keeping.kept().end()) == std::vector<int>{end});
}

TEST_CASE("costs follow from the functions' own descriptions", "[fusion]") {
  CHECK(cost(F::add) == 1);
  CHECK(cost(F::exp) > cost(F::divide));
  for (int f = 0; f < scalar::function_count; ++f) CHECK(cost(static_cast<F>(f)) > 0);
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
