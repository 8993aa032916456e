// The host's if and while inside the bodies of cond, while_loop, scan and map_fn: these become the host's own.
#include "catch.h"
#include "errors.h"
#include "keen/keen.h"
#include "log_lines.h"

using namespace keen;
using test::error_of, test::LogLines;

namespace {

/// Eager and compiled agree, with one warning that names the construct and its file.
template <class F>
void check_agrees(const char* construct, const F& f, const std::vector<float>& values) {
  INFO(construct);
  LogLines log;
  auto compiled = function(f);
  for (int round = 0; round < 2; ++round)
    for (float v : values) {
      INFO(v);
      CHECK(array_equal(compiled(constant({v, v + 1})), f(constant({v, v + 1}))));
    }
  CHECK(compiled.trace_count() == 1);
  REQUIRE(log.lines.size() == 1);
  INFO(log.lines[0]);
  CHECK(log.lines[0].find(std::string("the body of ") + construct) != std::string::npos);
  CHECK(log.lines[0].find("host_bodies.test.cpp:") != std::string::npos);
}

Tensor halved(const Tensor& x) {
  if (max(x) > 4.f) return x * 0.5f;
  return x + 1;
}

}  // namespace

TEST_CASE("the host decides inside branches and loops as it does eagerly", "[function][host][bodies]") {
  const std::vector<float> values{1.f, 5.f, -3.f, 20.f};
  check_agrees(
      "cond",
      [](const Tensor& x) {
        return cond(
                   sum(x) > 0, [&] { return halved(x); }, [&] { return x; }) *
               2;
      },
      values);
  check_agrees(
      "switch_case",
      [](const Tensor& x) {
        return switch_case(
                   cast(x[0] > 2, int32), [&] { return x; }, [&] { return halved(x); }) +
               1;
      },
      values);
  check_agrees(
      "while_loop",
      [](const Tensor& x) {
        const auto [turns, y] = while_loop(
            [](const Tensor& n, const Tensor&) { return n < 5; },
            [](const Tensor& n, const Tensor& s) {
              return std::tuple{n + 1, halved(s)};
            },
            std::tuple{0, x});
        return y + cast(turns, float32);
      },
      values);
  check_agrees(
      "scan",
      [](const Tensor& x) {
        const auto [state, all] = scan(
            [](const Tensor& s, const Tensor& row) {
              return std::pair{halved(s + row), s * row};
            },
            x * 0, x, {.reverse = true});
        return state + sum(all, 0);
      },
      values);
  check_agrees(
      "map_fn", [](const Tensor& x) { return map_fn([](const Tensor& v) { return halved(v) * 3; }, x); }, values);
}

TEST_CASE("bodies in bodies and tapes around them follow the host", "[function][host][bodies]") {
  const auto value = [](const Tensor& x) {
    return while_loop(
        [](const Tensor& s) { return sum(s) < 30; },
        [](const Tensor& s) {
          return cond(
              s[0] > 2, [&] { return halved(s) + s; }, [&] { return s * s + 1; });
        },
        x);
  };
  check_agrees("while_loop", value, {1.f, 3.f, 9.f});
  check_agrees(
      "while_loop",
      [&](const Tensor& x) {
        GradientTape tape;
        tape.watch(x);
        return tape.gradient(value(x), x);
      },
      {1.f, 3.f, 9.f});
}

TEST_CASE("writes and draws in bodies that the host runs happen once a turn", "[function][host][bodies]") {
  Variable turns(0.f);
  LogLines log;
  const auto body = [&](const Tensor& x) {
    return while_loop(
        [](const Tensor& s) { return s < 10; },
        [&](const Tensor& s) {
          turns.assign_add(1.f);
          if (s > 5.f) return s + 3;
          return s + 1 + random::uniform({});
        },
        x);
  };
  auto f = function(body);
  std::vector<float> eager, compiled;
  for (int round = 0; round < 2; ++round) {
    set_seed(3);
    turns.assign(0.f);
    for (float v : {1.f, 7.f, 1.f}) (round ? compiled : eager).push_back((round ? f(v) : body(v)).item<float>());
    (round ? compiled : eager).push_back(turns.item<float>());
  }
  CHECK(compiled == eager);
}

TEST_CASE("where the host cannot run a body the error says what to write", "[function][host][bodies]") {
  LogLines log;
  auto with_gradient = function([](const Tensor& x) {
    const auto f = custom_gradient([](const std::vector<Tensor>& in) {
      return std::pair{in[0] * 2, [](const Tensor& dy) { return std::vector{dy > 0 ? dy : dy * 2}; }};
    });
    return f({x});
  });
  const std::string message = error_of([&] {
    const Tensor x = constant(2.f);
    GradientTape tape;
    tape.watch(x);
    tape.gradient(with_gradient(x), x);
  });
  INFO(message);
  CHECK(message.find("use where or cond") != std::string::npos);
  auto open = function(
      [](const Tensor& x) { return map_fn([](const Tensor& v) { return halved(v); }, x); },
      {.input_signature = {TensorSpec({unknown})}});
  CHECK(error_of([&] { open(ones({3})); }).find("[map_fn] its body asks") == 0);
  const auto branch = [](const Tensor& x) {
    return cond(
        sum(x) > 0, [&] { return halved(x); }, [&] { return x; });
  };
  CHECK(error_of([&] {
          function(branch).get_concrete_function(TensorSpec({2}));
        }).find("a TensorSpec has none") != std::string::npos);
}
