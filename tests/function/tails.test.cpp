// Kernels that follow a product or a convolution part by part, and temporaries that lie in the memory of results.
#include "catch.h"
#include "function/passes/passes.h"
#include "function/plan.h"
#include "function/traced.h"
#include "fusion/fused.h"
#include "keen/device.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/nn.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

Tensor draw(detail::Shape shape, std::uint64_t seed, DType dtype = DType::float32) {
  return random::normal(std::move(shape), {.dtype = dtype, .seed = seed});
}

/// The plan of a body, and how many of its steps are kernels behind parts of a product.
struct Planned {
  Planned(const std::vector<Tensor>& arguments, const Body& body) {
    auto graph = traced_for(arguments, body);
    run_passes(*graph);
    std::vector<detail::Shape> strides;
    for (const auto& t : arguments) strides.push_back(t.strides());
    plan = std::make_unique<Plan>(graph, strides, Plan::Options{.fuse = true});
    for (const auto& step : plan->steps()) tails += dynamic_cast<const TailStep*>(step.get()) != nullptr;
  }
  std::unique_ptr<Plan> plan;
  int tails = 0;
};

/// Runs a body both ways: the same bits, on any number of threads. Gives the number of tails.
int check_tails(const std::vector<Tensor>& arguments, const Body& body) {
  const Planned planned(arguments, body);
  const auto expected = body(arguments);
  const int threads = num_threads();
  for (int n : {1, 2, 4}) {
    set_num_threads(n);
    const auto got = planned.plan->run(arguments);
    set_num_threads(threads);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(array_equal(got[i], expected[i]));
  }
  return planned.tails;
}

Tensor layer(const Tensor& x, const Tensor& w, const Tensor& b) { return relu(matmul(x, w) + b); }

}  // namespace

TEST_CASE("what follows a product element by element runs on its parts", "[function][tails]") {
  if (!has_jit()) return;
  const auto body = [](const auto& in) { return std::vector{layer(in[0], in[1], in[2])}; };
  struct Sizes {
    std::int64_t m, k, n;
  };
  // One tile; tiles of rows; of rows and columns; a few rows more than tiles; few columns, which are joined to longer rows.
  for (auto [m, k, n] :
       {Sizes{8, 8, 8}, {512, 64, 64}, {300, 700, 300}, {257, 40, 130}, {5000, 20, 6}, {33, 784, 256}}) {
    INFO(m << " x " << k << " x " << n);
    CHECK(check_tails({draw({m, k}, 1), draw({k, n}, 2), draw({n}, 3)}, body) == 1);
  }
  SECTION("in double precision, without a bias, with a batch") {
    const auto f64 = DType::float64;
    CHECK(check_tails({draw({200, 90}, 1, f64), draw({90, 200}, 2, f64), draw({200}, 3, f64)}, body) == 1);
    const auto plain = [](const auto& in) { return std::vector{tanh(matmul(in[0], in[1])) * 2.f}; };
    CHECK(check_tails({draw({300, 700}, 1), draw({700, 300}, 2)}, plain) == 1);
    CHECK(check_tails({draw({3, 5, 40, 30}, 1), draw({3, 5, 30, 50}, 2)}, plain) == 1);
    CHECK(check_tails({draw({6, 100, 30}, 1), draw({30, 50}, 2)}, plain) == 1);
  }
  SECTION("where the product is seen in another shape") {
    const auto reshaped = [](const auto& in) {
      return std::vector{tanh(reshape(matmul(in[0], in[1]), {40, 5, 8, 16})) + in[2]};
    };
    CHECK(check_tails({draw({200, 30}, 1), draw({30, 128}, 2), draw({8, 16}, 3)}, reshaped) == 1);
  }
}

TEST_CASE("what follows a convolution or its gradient element by element runs on its parts", "[function][tails]") {
  if (!has_jit()) return;
  const auto body = [](const auto& in) { return std::vector{relu(conv2d(in[0], in[1]) + in[2])}; };
  // Pieces of the batch; bands of one image; few channels, which are joined to longer rows.
  CHECK(check_tails({draw({40, 12, 12, 8}, 1), draw({3, 3, 8, 32}, 2), draw({32}, 3)}, body) == 1);
  CHECK(check_tails({draw({1, 61, 50, 32}, 1), draw({3, 3, 32, 32}, 2), draw({32}, 3)}, body) == 1);
  CHECK(check_tails({draw({64, 28, 28, 1}, 1), draw({5, 5, 1, 6}, 2), draw({6}, 3)}, body) == 1);
  CHECK(
      check_tails(
          {draw({2, 9, 9, 3}, 1, DType::float64), draw({3, 3, 3, 4}, 2, DType::float64), draw({4}, 3, DType::float64)},
          body) == 1);
}

TEST_CASE("a kernel follows only what it may", "[function][tails]") {
  if (!has_jit()) return;
  const std::vector<Tensor> in{draw({64, 64}, 1), draw({64, 64}, 2), draw({64}, 3)};
  SECTION("an operand of the product that the kernel reads too keeps its place") {
    const auto residual = [](const auto& t) {
      const Tensor x = exp(t[0] * 0.1f);
      return std::vector{tanh(matmul(x, t[1]) + x) * 0.5f};
    };
    CHECK(check_tails(in, residual) == 1);
  }
  SECTION("a product that is a result itself is kept") {
    const auto both = [](const auto& t) {
      const Tensor y = matmul(t[0], t[1]);
      return std::vector{y, relu(y + t[2]), y};
    };
    CHECK(check_tails(in, both) == 1);
  }
  SECTION("of two products, the later") {
    const auto two = [](const auto& t) { return std::vector{sigmoid(matmul(t[0], t[1]) + matmul(t[1], t[0]) + t[2])}; };
    CHECK(check_tails(in, two) == 1);
  }
  SECTION("not one that something else reads before") {
    const auto read_before = [](const auto& t) {
      const Tensor y = matmul(t[0], t[1]), z = matmul(y, t[1]);
      return std::vector{tanh(y) * max(z)};
    };
    CHECK(check_tails(in, read_before) == 0);
  }
  SECTION("not where it meets the elements in another order, or as rows to be reduced") {
    CHECK(check_tails(in, [](const auto& t) { return std::vector{exp(transpose(matmul(t[0], t[1]))) + t[0]}; }) == 0);
    CHECK(Planned(in, [](const auto& t) { return std::vector{softmax(matmul(t[0], t[1]) * 0.1f)}; }).tails == 0);
  }
}

TEST_CASE("a temporary that a result replaces lies in the memory of the result", "[function][tails]") {
  if (!has_jit()) return;
  const std::vector<Tensor> in{draw({128, 64}, 1), draw({64, 128}, 2), draw({128}, 3)};
  const Planned one(in, [](const auto& t) { return std::vector{layer(t[0], t[1], t[2])}; });
  CHECK(one.plan->arena_bytes() == 0);
  SECTION("but no result that is wanted twice, and none of another shape") {
    CHECK(check_tails(in, [](const auto& t) {
            const Tensor y = matmul(t[0], t[1]);
            return std::vector{exp(y) + t[2], tanh(y) + t[2], reshape(cos(y * 2.f), {64, 256})};
          }) == 1);
  }
}
