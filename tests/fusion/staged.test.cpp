// Kernels in stages: how they are cut, and what runs where outputs and inputs share memory.
#include "fusion/staged_launch.h"

#include "fusion/fused.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::test;
using detail::fusion::cut_into_stages;
using detail::fusion::StagedLaunch;

namespace {

Kernel softmax_kernel() {
  Kernel k;
  const int x = k.input(DType::float32);
  const int e = k.apply(F::exp, k.apply(F::subtract, x, k.reduce(F::maximum, x)));
  k.store(k.apply(F::divide, e, k.reduce(F::add, e)));
  return k;
}

/// Softmax over an axis, the result in memory of its own or in that of the argument.
Tensor staged_softmax(const Tensor& x, int axis, bool in_place, std::int64_t blocks) {
  std::vector<bool> reduced(static_cast<std::size_t>(x.rank()));
  reduced[static_cast<std::size_t>(axis)] = true;
  const Tensor input = x + 0.f, output = in_place ? input : detail::make_tensor(DType::float32, x.shape(), Device());
  const detail::Shape strides = input.strides();
  const StagedLaunch launch(softmax_kernel(), x.shape(), reduced, std::vector{strides, strides});
  CHECK(launch.blocks() == blocks);
  CHECK(launch.codes().size() == 3);
  launch.run(std::vector<void*>{detail::impl(input).data, detail::impl(output).data});
  return output;
}

}  // namespace

TEST_CASE("a kernel is cut where something waits for a reduction", "[fusion]") {
  const auto stages = cut_into_stages(softmax_kernel());
  REQUIRE(stages.stages.size() == 3);
  // The exponentials lie in the result's memory until they are divided.
  REQUIRE(stages.temporaries.size() == 3);
  CHECK(stages.temporaries[1].per_element);
  CHECK(stages.temporaries[1].host == 1);
  CHECK(stages.stages[2].operands == std::vector{3, 4, 1});

  Kernel k;  // a mean, and what follows from it, beside a number of each column
  const int x = k.input(DType::float32), scale = k.input(DType::float32, Access::broadcast);
  const int sum = k.reduce(F::add, x), mean = k.apply(F::multiply, sum, k.constant(DType::float32, 0.25));
  const int scaled = k.apply(F::multiply, mean, scale);
  k.store(sum);
  k.store(scaled);
  k.store(k.apply(F::subtract, x, scaled));
  const auto parts = cut_into_stages(k);
  REQUIRE(parts.stages.size() == 3);
  CHECK(parts.temporaries.empty());  // what is stored is read there
  CHECK(parts.stages[0].operands == std::vector{0, 2});
  CHECK_FALSE(parts.stages[1].sweeps);
  CHECK(parts.stages[1].operands == std::vector{2, 1, 3});
  CHECK(parts.stages[2].operands == std::vector{0, 3, 4});
}

TEST_CASE("stages run over whole spaces and over blocks, also where the result replaces the argument", "[fusion]") {
  if (!has_jit()) return;
  struct Case {
    Shape shape;
    int axis;
    std::int64_t blocks;
  };
  const Case cases[] = {
      {{5, 7}, 0, 1},          {{600, 700}, 0, 1},  // the last axis stays whole
      {{31, 900, 10}, 1, 5},                        // seven indices a block, three in the last
      {{3, 40, 50, 60}, 3, 6}, {{4, 50, 300, 9}, 1, 12}, {{3, 90, 50, 11}, 2, 3}, {{2, 300000}, 1, 1},
  };
  for (const auto& [shape, axis, blocks] : cases) {
    INFO(shape << " over " << axis);
    const Tensor x = random::normal(shape, {.seed = 1});
    const Tensor e = exp(x - max(x, axis, true)), expected = e / sum(e, axis, true);
    for (bool in_place : {false, true})
      CHECK(allclose(staged_softmax(x, axis, in_place, blocks), expected, 1e-5, 1e-7));
  }
}
