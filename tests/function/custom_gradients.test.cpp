// Gradients of the user's own, and of tensors from outside, through compiled functions: the eager ones, wherever they stand.
#include <functional>

#include "catch.h"
#include "keen/autodiff/custom_gradient.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/function/carry.h"
#include "keen/function/function.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/variable.h"

using namespace keen;

namespace {

using Program = std::function<Tensor(const Tensor&)>;

Variable weight() {
  static Variable w(constant({0.5f, -1.5f, 2.f}), {.name = "w"});
  return w;
}
Tensor outside() {
  static const Tensor c = constant({1.5f, 0.5f, -2.f});
  return c;
}

using Tensors = std::vector<Tensor>;
using Wrapped = std::function<Tensor(const Tensors&)>;
using WithGradient = std::pair<Tensor, CustomGradient>;

Program of_one(Wrapped f) {
  return [f = std::move(f)](const Tensor& x) { return f({x}); };
}

// Functions from (3) to (3) whose gradients are none that their operations have.
WithGradient from_input_and_result(const Tensors& in) {
  const Tensor x = in[0], y = exp(x * 0.3f);
  return {y * x, [=](const Tensor& dy) { return Tensors{dy * y * 100 * square(x)}; }};
}
WithGradient of_a_variable(const Tensors& in) {
  const Tensor x = in[0], w = weight();
  return {x * w, [=](const Tensor& dy) { return Tensors{dy * w * 7 * x, dy * square(x) * w}; }};
}
WithGradient from_outside(const Tensors& in) {
  const Tensor x = in[0];
  return {x * outside(), [=](const Tensor& dy) { return Tensors{dy * square(outside()) * square(x)}; }};
}
WithGradient around_another(const Tensors& in) {
  static const Wrapped inner = custom_gradient(from_input_and_result);
  const Tensor x = in[0];
  return {inner({x}) * weight(), [=](const Tensor& dy) { return Tensors{dy * inner({x}) * 3, dy * x}; }};
}
WithGradient with_a_tape(const Tensors& in) {
  const Tensor x = in[0];
  GradientTape tape;
  tape.watch(x);
  const Tensor cubes = cond(
      sum(x) > 0, [&] { return x * x * x; }, [&] { return x; });
  const Tensor slope = tape.gradient(cubes, x);
  return {slope, [=](const Tensor& dy) { return Tensors{dy * slope * x}; }};
}
Tensor with_a_variable(const Tensors& in) { return sin(in[0]) * square(weight()); }
Tensor one_in_the_other(const Tensors& in) {
  static const Wrapped inner = recompute_grad([](const Tensors& x) { return square(x[0]) * weight(); });
  return exp(inner({in[0]}) * 0.1f) * weight();
}
Tensor with_a_loop(const Tensors& in) {
  const Tensor x = in[0];
  const auto turn = [](const Tensor& state, const Tensor& row) { return state * 0.5f + sum(row * weight()); };
  return x * scan(turn, constant(0.f), stack({x, x * x}))[1];
}
Tensor of_outside(const Tensor& x) { return square(x) * outside() * outside(); }

struct Kind {
  const char* name;
  Program apply;
};
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"a gradient from the input and the result", of_one(custom_gradient(from_input_and_result))},
      {"a gradient of a variable", of_one(custom_gradient(of_a_variable))},
      {"a gradient from a tensor from outside", of_one(custom_gradient(from_outside))},
      {"one around another", of_one(custom_gradient(around_another))},
      {"with a tape in the function", of_one(custom_gradient(with_a_tape))},
      {"recomputed, with a variable", of_one(recompute_grad(with_a_variable))},
      {"recomputed, one in the other", of_one(recompute_grad(one_in_the_other))},
      {"recomputed, with a loop", of_one(recompute_grad(with_a_loop))},
      {"of a tensor from outside", of_outside},
  };
  return all;
}

/// Where they stand.
struct Context {
  const char* name;
  std::function<Tensor(const Program& f, const Tensor& x)> run;
  bool is_open = false;
};
const std::vector<Context>& contexts() {
  static const std::vector<Context> all = {
      {"alone", [](const Program& f, const Tensor& x) { return f(x); }},
      {"among others", [](const Program& f, const Tensor& x) { return f(x * 2) * x + x; }},
      {"with open sizes", [](const Program& f, const Tensor& x) { return f(x) * f(x + 1); }, true},
      {"in a branch",
       [](const Program& f, const Tensor& x) {
         return cond(
             sum(x) > 0, [&] { return f(x) * 2; }, [&] { return x * 3; });
       }},
      {"in one of several branches",
       [](const Program& f, const Tensor& x) {
         return switch_case(
             constant(1), [&] { return x * 3; }, [&] { return f(x) + x; }, [&] { return x; });
       }},
      {"in a while loop",
       [](const Program& f, const Tensor& x) {
         return while_loop(
                    [](const Tensor& i, const Tensor&) { return i < 2; },
                    [&](const Tensor& i, const Tensor& y) {
                      return std::pair{i + 1, f(y) * 0.5f};
                    },
                    std::pair{constant(0), x * 1})
             .second;
       }},
      {"in a scan",
       [](const Program& f, const Tensor& x) {
         return scan(
             [&](const Tensor& state, const Tensor& row) { return f(row) * 0.5f + state * 0.25f; }, x,
             stack({x, x * 0.5f}));
       }},
      {"in a range",
       [](const Program& f, const Tensor& x) {
         Tensor y = x;
         for ([[maybe_unused]] Tensor t : range(constant(2), carry(y))) y = f(y) * 0.5f + x;
         return y;
       }},
      {"in map_fn",
       [](const Program& f, const Tensor& x) {
         return map_fn([&](const Tensor& row) { return f(row) + row; }, stack({x, x * 0.5f}));
       }},
      {"in a branch of a loop",
       [](const Program& f, const Tensor& x) {
         return map_fn(
             [&](const Tensor& row) {
               return cond(
                   sum(row) > 1, [&] { return f(row); }, [&] { return row * x; });
             },
             stack({x, x * 0.5f}));
       }},
      {"in a function that a function calls",
       [](const Program& f, const Tensor& x) { return function([&](const Tensor& t) { return f(t) * t; })(x) + x; }},
      {"beside a write, so that calls are recorded operation by operation",
       [](const Program& f, const Tensor& x) {
         static Variable calls(0.f, {.trainable = false});
         calls.assign_add(1.f);
         return f(x) * x;
       }},
      {"behind a decision of the host",
       [](const Program& f, const Tensor& x) {
         const Tensor y = f(x);
         if (sum(x) > 0) return f(y * 0.5f) + y;
         return x;
       }},
  };
  return all;
}

std::vector<Source> sources_with(const Tensor& x) { return {x, outside(), weight()}; }

/// Gradients to x, to the tensor from outside and to the variable; and those of the squares of the first.
std::vector<Tensor> gradients(const Program& f, const Tensor& x) {
  const GradientOptions zeros{.unconnected = Unconnected::zero};
  std::vector<Tensor> first, second;
  {
    GradientTape outer;
    outer.watch({x, outside()});
    {
      GradientTape tape;
      tape.watch({x, outside()});
      const Tensor y = f(x);
      first = tape.gradient(sum(y), sources_with(x), zeros);
    }
    const Tensor size = sum(square(first[0])) + sum(square(first[1])) + sum(square(first[2]));
    second = outer.gradient(size, sources_with(x), zeros);
  }
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

void check_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i, a[i].to_string(), b[i].to_string());
    CHECK(allclose(a[i], b[i], 2e-4, 1e-4));
  }
}

}  // namespace

TEST_CASE("gradients of the user's own hold in every context, to second order", "[function][custom]") {
  const Tensor x = constant({0.5f, 1.f, 1.5f});
  for (const Kind& kind : kinds())
    for (const Context& context : contexts()) {
      INFO(kind.name << ", " << context.name);
      const Program whole = [&](const Tensor& t) { return context.run(kind.apply, t); };
      FunctionOptions options;
      if (context.is_open) options.input_signature = {TensorSpec({unknown}, float32)};
      const auto eager = gradients(whole, x);
      CHECK(!allclose(eager[0], zeros({3})));
      auto compiled = function(whole, options);
      for (int call = 0; call < 2; ++call) {
        INFO("the tapes outside, call " << call);
        check_same(gradients([&](const Tensor& t) { return compiled(t); }, x), eager);
      }
      INFO("the tapes inside");
      auto all = function([&](const Tensor& t) { return gradients(whole, t); }, options);
      check_same(all(x), eager);
    }
}

TEST_CASE("a function's own gradient runs when it is traced, and no more", "[function][custom]") {
  int runs = 0;
  const auto own = custom_gradient([&](const std::vector<Tensor>& in) {
    const Tensor x = in[0];
    return std::pair<Tensor, CustomGradient>{square(x), [x, &runs](const Tensor& dy) {
                                               ++runs;
                                               return std::vector{dy * 100 * x};
                                             }};
  });
  auto f = function([&](const Tensor& x) { return sum(own({x})); });
  const Tensor x = constant({1.f, 2.f});
  for (int i = 0; i < 3; ++i) {
    GradientTape tape;
    tape.watch(x);
    CHECK(array_equal(tape.gradient(f(x), x), constant({100.f, 200.f})));
  }
  CHECK(runs == 1);
  CHECK(f.get_concrete_function(x).graph().find("gradient:") != std::string::npos);
}

TEST_CASE("a gradient that nobody asks for changes no kernel", "[function][custom]") {
  const auto plan_of = [](const Program& f) {
    const Tensor x = ones({4, 8});
    const std::string text = function(f).get_concrete_function(x).explain();
    return text.substr(text.find("plan:"));
  };
  const auto body = [](const Tensor& x) { return exp(x) * x + 1; };
  const auto own = custom_gradient([&](const std::vector<Tensor>& in) {
    const Tensor x = in[0], y = body(x);
    return std::pair<Tensor, CustomGradient>{y, [=](const Tensor& dy) { return std::vector{dy * y * sin(x)}; }};
  });
  const auto steps = [](const std::string& plan) { return plan.substr(0, plan.find('\n')); };
  CHECK(steps(plan_of([&](const Tensor& x) { return sum(own({x * 2}), -1); })) == steps(plan_of([&](const Tensor& x) {
          return sum(body(x * 2), -1);
        })));
  const auto loop = [](const Program& f) {
    return [f](const Tensor& x) { return map_fn([&](const Tensor& row) { return sum(f(row)); }, x); };
  };
  CHECK(steps(plan_of(loop([&](const Tensor& row) {
          return own({row});
        }))) == steps(plan_of(loop([&](const Tensor& row) { return body(row); }))));
}

TEST_CASE("a gradient function that cannot be traced throws when tapes outside ask for it", "[function][custom]") {
  const auto own = custom_gradient([](const std::vector<Tensor>& in) {
    return std::pair<Tensor, CustomGradient>{
        in[0] * 2, [](const Tensor& dy) { return std::vector{sum(dy) > 0 ? dy * 3 : dy}; }};
  });
  const Tensor x = constant({1.f, 2.f});
  auto f = function([&](const Tensor& t) { return own({t}); });
  GradientTape tape;
  tape.watch(x);
  const Tensor y = f(x);
  CHECK(array_equal(y, x * 2));
  CHECK_THROWS_AS(tape.gradient(y, x), UsageError);
  auto inside = function([&](const Tensor& t) {
    GradientTape inner;
    inner.watch(t);
    const Tensor z = own({t});
    return inner.gradient(z, t);
  });
  CHECK(array_equal(inside(x), constant({3.f, 3.f})));
}

TEST_CASE("rows that a recomputed function reads have sparse gradients through a call", "[function][custom]") {
  Variable table(ones({5, 2}));
  const auto rows =
      recompute_grad([&](const std::vector<Tensor>& in) { return take(table.value(), cast(in[0], int64), 0); });
  auto f = function([&](const Tensor& ids) { return rows({ids}) * 3.f; });
  const Tensor ids = constant({1.f, 3.f});
  GradientTape tape;
  tape.watch(ids);
  const Tensor gradient = tape.gradient(sum(f(ids)), table);
  CHECK(array_equal(gradient + 0, constant({{0.f, 0.f}, {3.f, 3.f}, {0.f, 0.f}, {3.f, 3.f}, {0.f, 0.f}})));
}

TEST_CASE("tensors from outside have gradients through calls while a tape follows them", "[function][custom]") {
  const Tensor x = constant({3.f, 4.f}), c = constant({1.f, 2.f});
  auto f = function([&](const Tensor& t) { return sum(t * c * c); });
  const auto gradient = [&](bool watched) {
    GradientTape tape;
    tape.watch(x);
    if (watched) tape.watch(c);
    const Tensor y = f(x);
    return tape.gradient(y, c);
  };
  CHECK(!gradient(false).defined());
  CHECK(array_equal(gradient(true), constant({6.f, 16.f})));
  CHECK(!gradient(false).defined());

  Variable v(constant({1.f, 2.f}));
  GradientTape tape;
  const Tensor q = v * 2;
  auto g = function([&](const Tensor& t) { return sum(t * q); });
  CHECK(array_equal(tape.gradient(g(x), v), x * 2));
}
