// Draws of a first call: variables are made while it is traced, its own draws come with the first replay, and both get the
// numbers of eager code.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// Layers that are built on the way, draws before, between and behind them, and a variable that starts with a draw.
struct Program {
  nn::Dense first{3}, second{2};
  std::optional<Variable> start;

  std::vector<Tensor> operator()(const Tensor& x) {
    const Tensor noise = random::normal(x.shape());
    const Tensor hidden = first(x + noise);
    const Tensor kept = random::uniform({5});
    if (!start) start = Variable(random::normal({2, 2}) * random::uniform({2, 2}));
    const Tensor masked = dropout(hidden, 0.5);
    const Tensor out = second(masked);
    return {noise, hidden, kept, start->value(), masked, out, random::integers(0, 100, {3})};
  }
};

void check_alike(const FunctionOptions& options) {
  Program eager, traced;
  const Tensor x = ones({4, 2});
  set_seed(7);
  std::vector<std::vector<Tensor>> wanted;
  for (int i = 0; i < 3; ++i) wanted.push_back(eager(x));
  const auto position = default_generator().position();
  set_seed(7);
  const auto f = function([&](const Tensor& v) { return traced(v); }, options);
  for (int i = 0; i < 3; ++i) {
    const auto found = f(x);
    for (std::size_t k = 0; k < found.size(); ++k) {
      INFO("call " << i << ", result " << k);
      CHECK(allclose(found[k], wanted[static_cast<std::size_t>(i)][k], 1e-5, 1e-6));
    }
  }
  CHECK(default_generator().position() == position);
}

}  // namespace

TEST_CASE("a first call draws the numbers of eager code, whatever is built on its way", "[function][random]") {
  check_alike({});
}

TEST_CASE("the same where the trace leaves sizes open", "[function][random]") {
  check_alike({.input_signature = {TensorSpec({unknown, 2})}});
}

TEST_CASE("what is taken ahead of a stream is not given twice", "[function][random]") {
  const Generator stream(3);
  const auto numbers = [&](std::int64_t n) { return random::uniform({n}, {.generator = stream}).to_vector<float>(); };
  Generator other(3);
  const auto all = random::uniform({40}, {.generator = other}).to_vector<float>();
  std::optional<Variable> v;
  const auto f = function([&] {
    const Tensor a = random::uniform({8}, {.generator = stream});
    if (!v) v = Variable(random::uniform({12}, {.generator = stream}));
    return a;
  });
  const auto a = f().to_vector<float>(), b = v->value().to_vector<float>(), c = numbers(20);
  CHECK(a == std::vector(all.begin(), all.begin() + 8));
  CHECK(b == std::vector(all.begin() + 8, all.begin() + 20));
  CHECK(c == std::vector(all.begin() + 20, all.end()));
}
