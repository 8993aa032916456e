// Loops over range(n, carry(…)) whose bodies ask for values: the host takes their turns.
#include "catch.h"
#include "errors.h"
#include "keen/keen.h"
#include "log_lines.h"

using namespace keen;
using test::error_of, test::LogLines;

namespace {

/// Compiled, f gives what it gives eagerly, in a first round and in a second that traces nothing; with one warning.
template <class F>
void check_agrees(const F& f, const std::vector<float>& values, const FunctionOptions& options = {}) {
  LogLines log;
  int runs = 0;
  auto compiled = function(
      [&](const Tensor& x) {
        ++runs;
        return f(x);
      },
      options);
  for (int round = 0; round < 2; ++round) {
    const int before = runs;
    for (float v : values) {
      INFO(v);
      const Tensor x = constant({v, v + 1, v - 3});
      CHECK(allclose(compiled(x), f(x)));
    }
    if (round) CHECK(runs == before);
  }
  CHECK(compiled.trace_count() == 1);
  REQUIRE(log.lines.size() == 1);
  INFO(log.lines[0]);
  CHECK(log.lines[0].find("the body of range(n, carry(…))") != std::string::npos);
  CHECK(log.lines[0].find("host_loops.test.cpp:") != std::string::npos);
}

Tensor step(const Tensor& y) { return sum(y) > 6 ? y * 0.5f : y + 1; }

const std::vector<float> some{1.f, 5.f, -3.f, 20.f};

}  // namespace

TEST_CASE("a for that carries tensors and asks for values does what it does eagerly", "[function][host][loops]") {
  check_agrees(
      [](const Tensor& x) {
        Tensor y = x * 2;
        for (Tensor t : range(4, carry(y))) y = step(y) + cast(t, float32) * 0.1f;
        return y - 1;
      },
      some);
}

TEST_CASE("break, continue and return leave it where the host takes the turns", "[function][host][loops]") {
  check_agrees(
      [](const Tensor& x) {
        Tensor y = x, count = zeros({});
        for (Tensor t : range(6, carry(y, count))) {
          count = count + 1;
          if (max(y) > 30) break;
          y = y * 2;
          if (t == 2) continue;
          if (min(y) < -40) return y;
          y = y + 1;
        }
        return y + count;
      },
      some);
}

TEST_CASE("loops in loops and in bodies of other kinds follow the host", "[function][host][loops]") {
  check_agrees(
      [](const Tensor& x) {
        Tensor y = x;
        for (Tensor i : range(3, carry(y))) {
          Tensor z = y;
          for ([[maybe_unused]] Tensor j : range(2, carry(z))) {
            if (max(z) > 9) break;
            z = z * 1.5f;
          }
          y = z + cast(i, float32);
        }
        return y;
      },
      some);
  LogLines log;
  const auto nested = [](const Tensor& x) {
    return while_loop(
        [](const Tensor& s) { return sum(s) < 20; },
        [](Tensor s) {
          for ([[maybe_unused]] Tensor t : range(2, carry(s)))
            s = cond(
                s[0] > 2, [&] { return max(s) > 4 ? s + 7 : s + 2; }, [&] { return s + 3; });
          return s;
        },
        x);
  };
  auto f = function(nested);
  for (int round = 0; round < 2; ++round)
    for (float v : some) CHECK(array_equal(f(constant({v, v + 1})), nested(constant({v, v + 1}))));
}

TEST_CASE("a number of turns that only tensors know is asked for, turn by turn", "[function][host][loops]") {
  const auto f = [](const Tensor& x) {
    const Tensor n = cast(maximum(x[0], 0.f), int32);
    Tensor y = x;
    for (Tensor t : range(n, carry(y))) y = step(y) - cast(t, float32);
    return y;
  };
  check_agrees(f, {-1.f, 2.f, 0.f, 5.f});  // none first
  check_agrees(f, {5.f, 0.f, 1.f});
}

TEST_CASE("so are sizes that the trace leaves open", "[function][host][loops]") {
  const auto rows = [](const Tensor& x) {
    Tensor total = x[0] * 0;
    for (Tensor t : range(x.dim(0), carry(total))) {
      if (total > 4) break;
      total = total + x[t] * x[t];
    }
    return total * Tensor(x.dim(0));
  };
  LogLines log;
  auto f = function(rows, {.input_signature = {TensorSpec({unknown})}});
  for (int n : {3, 1, 5, 3})
    for (float v : {0.5f, 2.f}) {
      INFO(n << " of " << v);
      CHECK(array_equal(f(full({n}, v)), rows(full({n}, v))));
    }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("gradients flow through its turns, from inside and outside", "[function][host][loops]") {
  const auto value = [](const Tensor& x) {
    Tensor y = x;
    for ([[maybe_unused]] Tensor t : range(3, carry(y))) {
      if (sum(y) > 5) y = y * y * 0.1f;
      else y = y * x + 1;
    }
    return sum(y);
  };
  const auto inside = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(value(x), x);
  };
  check_agrees(inside, some);
  auto compiled = function(value);
  for (int round = 0; round < 2; ++round)
    for (float v : some) {
      const Tensor x = constant({v, 0.5f});
      GradientTape tape;
      tape.watch(x);
      CHECK(allclose(tape.gradient(compiled(x), x), inside(x)));
    }
}

TEST_CASE("turns that the host takes share their code", "[function][host][loops]") {
  LogLines log;
  auto count = function([](const Tensor& x) {
    Tensor y = x;
    int turns = 0;
    for ([[maybe_unused]] Tensor t : range(100, carry(y))) {
      if (y > 60) break;
      y = y + 1;
      ++turns;
    }
    return std::pair{y, turns};
  });
  CHECK(count(0.f).second == 61);
  CHECK(count(58.5f).second == 2);
  INFO(count.explain());
  CHECK(count.explain().find("64 segments, 4 different") != std::string::npos);
}

TEST_CASE(
    "writes, draws and variables of an abandoned first turn are as if it had not been", "[function][host][loops]") {
  LogLines log;
  struct Program {
    Variable turns{0.f};
    std::optional<Variable> start;
    nn::Dense layer{3};
    Tensor operator()(const Tensor& x) {
      Tensor y = x + random::uniform({2, 2});
      if (sum(x) > 100) y = y * 0;  // what the loop follows has run already
      turns.assign_add(10.f);
      for ([[maybe_unused]] Tensor t : range(3, carry(y))) {
        turns.assign_add(1.f);
        if (!start) start = Variable(random::normal({2}));
        y = y + *start + sum(layer(y)) * 0.1f + random::uniform({2, 2});
        if (sum(y) > 5) y = y * 0.5f + random::uniform({2});
      }
      return y;
    }
  };
  Program eager, traced;
  auto f = function([&](const Tensor& x) { return traced(x); });
  std::vector<Tensor> wanted;
  set_seed(5);
  for (float v : {1.f, 9.f, -4.f, 1.f}) wanted.push_back(eager(full({2, 2}, v)));
  const auto position = default_generator().position();
  set_seed(5);
  for (std::size_t i = 0; float v : {1.f, 9.f, -4.f, 1.f}) {
    INFO(i);
    CHECK(allclose(f(full({2, 2}, v)), wanted[i++], 1e-5, 1e-6));
  }
  CHECK(default_generator().position() == position);
  CHECK(traced.turns.item<float>() == 52);
}

TEST_CASE("a loop that was staged in front of a decision stays so", "[function][host][loops]") {
  const auto repeat = [](Tensor y, const auto& turn) {
    for ([[maybe_unused]] Tensor t : range(3, carry(y))) y = turn(y);
    return y;
  };
  check_agrees(
      [&](const Tensor& x) {
        Tensor y = repeat(x, [](const Tensor& s) { return s * 1.5f; });
        if (sum(y) > 20) y = y * 0.25f;
        y = repeat(y, step);
        return repeat(y, [](const Tensor& s) { return tanh(s); });
      },
      some);
}

TEST_CASE(
    "a program that catches the exception of an abandoned turn is run again all the same", "[function][host][loops]") {
  check_agrees(
      [](const Tensor& x) {
        Tensor y = x;
        try {
          for ([[maybe_unused]] Tensor t : range(3, carry(y))) y = step(y);
        } catch (...) {
          y = y * 100;
        }
        if (sum(y) > 4) y = -y;
        return y;
      },
      some);
  check_agrees(
      [](const Tensor& x) {
        Tensor y = x;
        for ([[maybe_unused]] Tensor t : range(3, carry(y))) {
          try {
            y = step(y);
          } catch (const Error&) {
            y = y * 100;
          }
        }
        return y;
      },
      some);
}

TEST_CASE("the number of a turn may be asked for, and arrays carried", "[function][host][loops]") {
  LogLines log;
  const auto rows = [](const Tensor& x) {
    TensorArray out(float32, 4);
    Tensor y = x;
    for (Tensor t : range(4, carry(y, out))) {
      y = t.item<int>() % 2 ? y * 2 : step(y);
      out = out.write(t, y);
    }
    return out.stack();
  };
  auto f = function(rows);
  for (int round = 0; round < 2; ++round)
    for (float v : some) CHECK(array_equal(f(full({2}, v)), rows(full({2}, v))));
  CHECK(f.trace_count() == 1);
}

TEST_CASE("a loop with too many decisions goes on eagerly with a warning", "[function][host][loops]") {
  LogLines log;
  const auto walk = [](Tensor x) {
    for (Tensor t : range(1500, carry(x)))
      if (x < 900.f) x = x + 1 + cast(t * 0, float32);
    return x;
  };
  auto f = function(walk);
  CHECK(f(0.f).item<float>() == 900);
  CHECK(f(0.5f).item<float>() == 900.5f);
  REQUIRE(log.lines.size() == 2);
  CHECK(log.lines[1].find("tree of segments is full") != std::string::npos);
}

TEST_CASE("a trace without values says that it cannot follow", "[function][host][loops]") {
  LogLines log;
  auto f = function([](const Tensor& x) {
    Tensor y = x;
    for ([[maybe_unused]] Tensor t : range(3, carry(y))) y = step(y);
    return y;
  });
  CHECK(error_of([&] { f.get_concrete_function(TensorSpec({2})); }).find("a TensorSpec has none") != std::string::npos);
  CHECK(array_equal(f.get_concrete_function(ones({2}))(full({2}, 9.f)), full({2}, 3.25f)));
  CHECK(f(ones({2})).to_vector<float>() == std::vector{4.f, 4.f});
}
