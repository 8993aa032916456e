// Tests that tensors let go of what they hold, however they are moved and assigned.
#include "catch.h"
#include "keen/device.h"
#include "keen/keen.h"

using namespace keen;

namespace {

std::int64_t bytes_in_use() { return memory_stats("cpu:0").in_use; }

}  // namespace

TEST_CASE("a tensor moved onto another name of itself gives up one reference", "[core][ownership]") {
  const std::int64_t before = bytes_in_use();
  {
    Tensor a = zeros({1000});
    Tensor b = a;
    a = std::move(b);
    CHECK(a.defined());
    CHECK_FALSE(b.defined());
  }
  CHECK(bytes_in_use() == before);
}

TEST_CASE("a tensor moved onto itself keeps its value", "[core][ownership]") {
  Tensor a = full({2}, 3.f);
  Tensor& same = a;
  a = std::move(same);
  REQUIRE(a.defined());
  CHECK(a.to_vector<float>() == std::vector<float>{3, 3});
}

TEST_CASE("training steps leave no memory behind", "[core][ownership]") {
  const auto steps = [](const auto& optimizer) {
    Variable w(zeros({64, 64})), b(zeros({64}));
    const std::vector<Variable> variables{w, b};
    const auto step = [&] {
      GradientTape tape;
      const Tensor loss = sum(square(matmul(ones({2, 64}), w) + b - 1.f));
      optimizer.apply_gradients(tape.gradient(loss, variables), variables);
    };
    step();  // makes the slots
    const std::int64_t before = bytes_in_use();
    for (int i = 0; i < 10; ++i) step();
    return bytes_in_use() - before;
  };
  CHECK(steps(optimizers::SGD(1e-3)) == 0);
  CHECK(steps(optimizers::SGD(1e-3, {.momentum = 0.9})) == 0);
  CHECK(steps(optimizers::Adam(1e-3)) == 0);
}
