// Random draws: Philox's published vectors, the distributions, and independence of threads and instruction sets.
#include <algorithm>
#include <cmath>

#include "catch.h"
#include "keen/device.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"
#include "random/distributions.h"

using namespace keen;

namespace {

struct Moments {
  double mean, variance, kurtosis;
};

Moments moments(const Tensor& t) {
  double sum = 0, square = 0, fourth = 0;
  const auto values = t.to_vector<double>();
  const auto n = static_cast<double>(values.size());
  for (double v : values) sum += v;
  for (double v : values) square += (v - sum / n) * (v - sum / n);
  for (double v : values) fourth += std::pow(v - sum / n, 4);
  return {sum / n, square / n, fourth / n / (square / n * square / n)};
}

std::vector<unsigned> words(const random_bits::Block& b) { return {b.word[0], b.word[1], b.word[2], b.word[3]}; }

}  // namespace

TEST_CASE("Philox 4x32-10 gives the published vectors", "[random]") {
  using random_bits::philox;
  CHECK(words(philox(0, 0, 0)) == std::vector<unsigned>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(words(philox(~0ull, ~0ull, ~0ull)) == std::vector<unsigned>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(
      words(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e)) ==
      std::vector<unsigned>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("uniform numbers are the upper bits of the stream's words", "[random]") {
  const auto x = random::uniform({1003}, {.seed = 42}).to_vector<float>();
  const auto y = random::uniform({501}, {.dtype = float64, .seed = 42}).to_vector<double>();
  bool equal = true;
  for (std::size_t i = 0; i < x.size(); ++i)
    equal &= x[i] == static_cast<float>(random_bits::philox(42, i / 4).word[i % 4] >> 8) * 0x1p-24f;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto block = random_bits::philox(42, i / 2);
    equal &= y[i] == static_cast<double>((i % 2 ? block.high() : block.low()) >> 11) * 0x1p-53;
  }
  CHECK(equal);
}

TEST_CASE("vectors draw the bits that plain numbers draw", "[random]") {
  using Single = random_bits::Distributions<random_bits::Numbers<float>>;
  using Twice = random_bits::Distributions<random_bits::Numbers<double>>;
  const auto x = random::normal({4000}, {.seed = 3}).to_vector<float>();
  const auto y = random::normal({2000}, {.dtype = float64, .seed = 3}).to_vector<double>();
  const auto s = random::truncated_normal({4000}, {.seed = 3}).to_vector<float>();
  const auto t = random::truncated_normal({2000}, {.dtype = float64, .seed = 3}).to_vector<double>();
  bool equal = true;
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto block = random_bits::philox(3, i);
    for (std::size_t j : {0, 1}) {
      float first, second;
      Single::normal(block.word[j], block.word[j + 2], first, second);
      equal &= first == x[4 * i + j] && second == x[4 * i + j + 2];
      equal &= Single::truncated_normal(block.word[j]) == s[4 * i + j];
    }
    double first, second;
    Twice::normal(block.low(), block.high(), first, second);
    equal &= first == y[2 * i] && second == y[2 * i + 1];
    equal &= Twice::truncated_normal(block.high()) == t[2 * i + 1];
  }
  CHECK(equal);
}

TEST_CASE("uniform numbers stay below high", "[random]") {
  const Tensor x = random::uniform({100'000}, {.low = 1e8, .high = 1e8 + 16, .seed = 1});
  CHECK(max(x).item<float>() < 1e8f + 16);
  CHECK(min(x).item<float>() >= 1e8f);
  CHECK(max(random::uniform({10}, {.low = 3, .high = 3})).item<float>() == 3);
}

TEST_CASE("draws have the moments of their distributions", "[random]") {
  for (DType d : {float32, float64}) {
    INFO(name(d));
    const Moments u = moments(random::uniform({400'000}, {.low = -1, .high = 3, .dtype = d, .seed = 5}));
    CHECK(u.mean == Approx(1).margin(0.01));
    CHECK(u.variance == Approx(16.0 / 12).epsilon(0.01));
    const Moments n = moments(random::normal({400'000}, {.mean = 2, .stddev = 3, .dtype = d, .seed = 6}));
    CHECK(n.mean == Approx(2).margin(0.02));
    CHECK(n.variance == Approx(9).epsilon(0.01));
    CHECK(n.kurtosis == Approx(3).margin(0.05));
    const Tensor t = random::truncated_normal({400'000}, {.dtype = d, .seed = 7});
    CHECK(moments(t).mean == Approx(0).margin(0.01));
    CHECK(std::sqrt(moments(t).variance) == Approx(0.87962566).epsilon(0.01));
    CHECK(max(abs(t)).item<double>() <= 2);
  }
}

TEST_CASE("normal numbers follow the normal distribution function", "[random]") {
  const auto x = random::normal({200'000}, {.seed = 8}).to_vector<double>();
  for (double edge : {-3.0, -1.5, -0.5, 0.0, 0.1, 1.0, 2.5}) {
    const auto below = std::count_if(x.begin(), x.end(), [&](double v) { return v < edge; });
    CHECK(static_cast<double>(below) / 200'000 == Approx(0.5 * std::erfc(-edge / std::sqrt(2))).margin(0.004));
  }
}

TEST_CASE("integers are even over their range, of any dtype", "[random]") {
  std::vector<int> counts(7);
  for (int v : random::integers(-3, 4, {70'000}, {.dtype = int8, .seed = 9}).to_vector<int>())
    ++counts.at(static_cast<std::size_t>(v + 3));
  for (int c : counts) CHECK(std::abs(c - 10'000) < 500);
  const Tensor all = random::integers(INT64_MIN, INT64_MAX, {10'000}, {.seed = 10});
  CHECK(min(all).item<std::int64_t>() < -(INT64_C(1) << 62));
  CHECK(max(all).item<std::int64_t>() > INT64_C(1) << 62);
  CHECK(max(random::integers(5, 6, {100})).item<int>() == 5);
}

TEST_CASE("a permutation holds every index once", "[random]") {
  auto p = random::permutation(10'000, {.seed = 11}).to_vector<std::int64_t>();
  CHECK(p[0] + p[1] + p[2] != 3);
  std::sort(p.begin(), p.end());
  bool complete = true;
  for (std::size_t i = 0; i < p.size(); ++i) complete &= p[i] == static_cast<std::int64_t>(i);
  CHECK(complete);
  CHECK(random::permutation(0).size() == 0);
  CHECK(random::permutation(1).item<int>() == 0);
}

TEST_CASE("draws do not depend on the number of threads", "[random]") {
  const int before = num_threads();
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    results.push_back(random::normal({300'001}, {.seed = 12}).to_vector<float>());
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("a generator's draws follow one another and repeat after set_position", "[random]") {
  const Generator g(13);
  const auto first = random::normal({6}, {.generator = g}).to_vector<float>();
  CHECK(g.position() == 2);
  const auto second = random::normal({6}, {.generator = g}).to_vector<float>();
  CHECK(first != second);
  Generator(g).set_position(0);  // copies share the position
  CHECK(random::normal({6}, {.generator = g}).to_vector<float>() == first);
  CHECK(random::uniform({3}, {.dtype = float64, .generator = g}).size() == 3);
  CHECK(g.position() == 4);
  random::integers(0, 10, {5}, {.generator = g});
  CHECK(g.position() == 9);
}

TEST_CASE("set_seed restarts the process's generator", "[random]") {
  set_seed(14);
  const auto first = random::normal({5}).to_vector<float>();
  CHECK(random::normal({5}).to_vector<float>() != first);
  set_seed(14);
  CHECK(random::normal({5}).to_vector<float>() == first);
}
