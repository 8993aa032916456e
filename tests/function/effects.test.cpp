// What a call does besides its results: printing, assertions, writes and draws, in program order; and errors that name
// the line.
#include <algorithm>
#include <sstream>
#include <thread>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

/// Takes what is written to std::cout while it lives.
class Captured {
 public:
  Captured() : old_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Captured() { std::cout.rdbuf(old_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* old_;
};

}  // namespace

TEST_CASE("print writes values at each call, in order, and is not pruned", "[function]") {
  Captured out;
  print("x is", constant({1, 2}), 'c' == 'c', 2.5);
  Variable v(1.f, {.name = "v"});
  auto f = function([&](const Tensor& x) {
    print("before", v);
    v.assign_add(x);
    print("after", v, "of", x);
    std::cout << "traced\n";
  });
  f(2.f);
  f(3.f);
  CHECK(out.text() == "x is [1 2] true 2.5\ntraced\nbefore 1.0\nafter 3.0 of 2.0\nbefore 3.0\nafter 6.0 of 3.0\n");
}

TEST_CASE("an assertion that fails stops the call before what follows it", "[function]") {
  Variable v(0.f);
  auto f = function([&](const Tensor& x) {
    assert_true(x > 0, "x must be positive");
    v.assign(x);
    return x;
  });
  f(1.f);
  CHECK_THROWS_WITH(f(constant(-1.f)), Catch::Contains("x must be positive"));
  CHECK(v.item<float>() == 1);
  CHECK_THROWS_AS(assert_true(constant(1.f), "not bool"), DTypeError);
  CHECK_THROWS_AS(assert_true(constant({true, false}), "both"), UsageError);
}

TEST_CASE("a pruned operation cannot raise, a needed one does", "[function]") {
  const Tensor bad = log(constant(-1.f));
  auto unneeded = function([](const Tensor& x) {
    check_numerics(x, "unused");
    return x * 0;
  });
  CHECK_NOTHROW(unneeded(bad));
  auto needed = function([](const Tensor& x) { return check_numerics(x, "the loss") + 1; });
  CHECK(needed(1.f).item<float>() == 2);
  CHECK_THROWS_WITH(needed(bad), Catch::Contains("the loss"));
}

TEST_CASE("writes, reads and draws keep the order of the program", "[function]") {
  Variable v(1.f), w(0.f);
  const auto step = [&](const Tensor& x) {
    Tensor a = v * 1.f;
    v.assign(random::normal({}));
    w.assign(v + random::uniform({}));
    v.assign_add(w);
    return std::pair{a + v, random::normal({2}) * x};
  };
  set_seed(4);
  const auto [eager_a, eager_b] = step(2.f);
  const Tensor eager_v = v.value(), eager_w = w.value();
  v.assign(1.f);
  w.assign(0.f);
  auto f = function(step);
  set_seed(4);
  const auto [a, b] = f(2.f);
  CHECK(array_equal(a, eager_a));
  CHECK(array_equal(b, eager_b));
  CHECK(array_equal(v, eager_v));
  CHECK(array_equal(w, eager_w));
}

TEST_CASE("an error inside a trace is the eager one and names the line", "[function]") {
  auto f = function([](const Tensor& x) {
    Tensor y = x + 1;
    return y * ones({7});
  });
  const std::string line = std::to_string(__LINE__ - 2);
  CHECK_THROWS_WITH(f(ones({3})), Catch::Contains("[multiply]") && Catch::Contains("effects.test.cpp:" + line));
  CHECK_THROWS_AS(f(ones({3})), ShapeError);
  auto g = function([](const Tensor& x) { return matmul(x * 2, ones({7, 7})); });
  CHECK_THROWS_WITH(g(ones({3, 3})), Catch::Contains("[matmul]") && Catch::Contains("effects.test.cpp:"));
}

TEST_CASE(
    "a call that fails leaves variables as they were: alone, under a tape, behind the host's decisions", "[function]") {
  Variable v(1.f);
  auto straight = function([&](const Tensor& x) {
    v.assign_add(1.f);
    return check_numerics(log(x), "log");
  });
  auto deciding = function([&](Tensor x) {
    v.assign_add(1.f);
    if (x > 0.f) x = x * 2.f;
    return check_numerics(log(x), "log");
  });
  CHECK_THROWS_AS(straight(-2.f), Error);
  CHECK(v.item<float>() == 1.f);
  {
    GradientTape tape;
    CHECK_THROWS_AS(straight(-2.f), Error);
    CHECK(v.item<float>() == 1.f);
  }
  deciding(2.f);
  for (int i = 0; i < 2; ++i) {  // on a new branch and on a known one
    CHECK_THROWS_AS(deciding(-2.f), Error);
    CHECK(v.item<float>() == 2.f);
  }
}

TEST_CASE("a call that fails before it writes a variable leaves alone what other threads write", "[function]") {
  Variable v(0.f);
  auto bad = function([&](const Tensor& x) {
    Tensor s = x;
    for (Tensor t : range(3, carry(s))) {
      s = check_numerics(sqrt(s - 1.f), "negative");
      v.assign_add(0.f);
    }
    return s;
  });
  constexpr int turns = 2000;
  std::thread other([&] {
    for (int i = 0; i < turns; ++i) v.assign_add(1.f);
  });
  int failed = 0;
  for (int i = 0; i < 200; ++i) try {
      bad(0.5f);
    } catch (const Error&) {
      ++failed;
    }
  other.join();
  CHECK(failed == 200);
  CHECK(v.item<float>() == turns);
}

TEST_CASE("a call that fails leaves generators where they were, an eager operation that fails too", "[function]") {
  Generator own(7);
  const auto body = [&](const Tensor& x) {
    const Tensor noise = random::normal({3}) + random::uniform({3}, {.generator = own});
    Tensor total = noise;
    for ([[maybe_unused]] Tensor t : range(2, carry(total))) total = total + random::uniform({3});
    return check_numerics(total * log(x), "the result");
  };
  const auto deciding = [&](const Tensor& x) {
    Tensor y = random::normal({3});
    if (x > -5.f) y = y + random::uniform({3}, {.generator = own});
    return check_numerics(y * log(x), "the result");
  };
  const auto stays = [&](auto f, const Tensor& bad) {
    f(constant(1.f));
    const auto shared = default_generator().position(), mine = own.position();
    for (int i = 0; i < 3; ++i) {
      CHECK_THROWS_AS(f(bad), Error);
      CHECK(default_generator().position() == shared);
      CHECK(own.position() == mine);
    }
    f(constant(1.f));
    CHECK(default_generator().position() > shared);
    CHECK(own.position() > mine);
  };
  stays(function(body), constant(-1.f));
  stays(function(deciding), constant(-1.f));
  stays(function(deciding).get_concrete_function(1.f), constant(-1.f));
  const auto before = own.position();
  CHECK_THROWS_AS(random::uniform({std::int64_t{1} << 45}, {.generator = own}), OutOfMemory);
  CHECK(own.position() == before);
}

TEST_CASE("what threads draw while a call of another fails is drawn once", "[function]") {
  Generator own(3);
  auto fails = function([&](const Tensor& x) {
    const Tensor drawn = random::integers(0, 1 << 30, {1}, {.generator = own});
    return check_numerics(log(x) + cast(drawn, float32), "the result");
  });
  constexpr int turns = 3000;
  std::vector<std::int64_t> drawn;
  std::thread other([&] {
    for (int i = 0; i < turns; ++i)
      drawn.push_back(random::integers(0, INT64_MAX, {1}, {.generator = own}).item<std::int64_t>());
  });
  for (int i = 0; i < 1000; ++i) CHECK_THROWS_AS(fails(-1.f), Error);
  other.join();
  std::sort(drawn.begin(), drawn.end());
  CHECK(std::adjacent_find(drawn.begin(), drawn.end()) == drawn.end());
  CHECK(own.position() >= turns);
}
