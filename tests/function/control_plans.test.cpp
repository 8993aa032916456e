// Branches and loops inside plans: the numbers of the eager ones, without memory a turn, in every form of loop.
#include <thread>

#include "catch.h"
#include "function/executable.h"
#include "function/passes/passes.h"
#include "function/traced.h"
#include "keen/keen.h"

using namespace keen;
using namespace keen::detail;
using namespace keen::test;

namespace {

std::int64_t allocations_of(const std::function<void()>& f) {
  const auto before = memory_stats().allocations;
  f();
  return memory_stats().allocations - before;
}

/// The eager, the compiled and, under a tape, the gradient of both.
template <class F>
void check_like_eager(F f, const Tensor& x) {
  auto compiled = function(f);
  const auto gradient = [&](auto& g) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(sum(g(x)), x);
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(allclose(compiled(x), f(x), 1e-5, 1e-6));
    CHECK(allclose(gradient(compiled), gradient(f), 1e-5, 1e-6));
  }
  auto whole = function([&](const Tensor& v) {
    GradientTape tape;
    tape.watch(v);
    return tape.gradient(sum(f(v)), v);
  });
  CHECK(allclose(whole(x), gradient(f), 1e-5, 1e-6));
}

/// n turns of a small recurrent cell with a state that is stacked.
auto recurrence(std::int64_t n) {
  return [n](const Tensor& x) {
    return scan([](const Tensor& s, const Tensor& t) { return tanh(s * 0.5f + t); }, x, broadcast_to(x, {n, x.dim(0)}));
  };
}

}  // namespace

TEST_CASE("a graph around a loop is one plan, in which the loop is a step", "[function][control]") {
  const Executable run(
      traced({{{3}, float32}}, [](const std::vector<Tensor>& in) { return std::vector{recurrence(4)(in[0]) * 2.f}; }));
  run.run(std::vector{ones({3})});
  const std::string explained = run.explain();
  CHECK(explained.find("loop, 4 turns") != std::string::npos);
  CHECK(explained.find("no plan") == std::string::npos);
}

TEST_CASE("turns need no memory of their own", "[function][control]") {
  const Tensor x = random::normal({64}, {.seed = 1});
  const auto of_turns = [&](const auto& make) {
    std::int64_t counts[2];
    int k = 0;
    for (const std::int64_t n : {200, 1000}) {
      const auto f = function(make(n));
      f(x), f(x);
      counts[k++] = allocations_of([&] { f(x); });
    }
    CHECK(counts[0] == counts[1]);
  };
  of_turns([](std::int64_t n) { return recurrence(n); });
  of_turns([](std::int64_t n) {  // carried alone, ended by a condition
    return [n](const Tensor& v) {
      return std::get<1>(while_loop(
          [n](Tensor i, Tensor) { return i < n; },
          [](Tensor i, Tensor s) {
            return std::tuple{i + 1, s * 0.5f + 1.f};
          },
          std::tuple{Tensor(0), v}));
    };
  });
  of_turns([](std::int64_t n) {  // a branch in a loop, a loop in a loop
    return [n](const Tensor& v) {
      Tensor s = v;
      for (Tensor i : range(n, carry(s))) {
        s = cond(
            i % 2 == 0, [&] { return s + 1.f; }, [&] { return s * 0.5f; });
        for ([[maybe_unused]] Tensor j : range(3, carry(s))) s = sin(s);
      }
      return s;
    };
  });
  of_turns([](std::int64_t n) {  // an array that turns write into
    return [n](const Tensor& v) {
      TensorArray rows(float32, n);
      for (Tensor i : range(n, carry(rows))) rows = rows.write(i, v + cast(i, float32));
      return rows.stack();
    };
  });
}

TEST_CASE("an array of a loop is written in place", "[function][control]") {
  const auto fill = [](const Tensor& v) {
    TensorArray rows(float32, 5);
    for (Tensor i : range(5, carry(rows))) rows = rows.write(i, v * cast(i, float32));
    return rows.stack();
  };
  check_like_eager(fill, ones({3}));
  // The turn's plan says so: its result takes over the place of the array.
  auto body = traced({{{5, 3}, float32}, {{}, int64}, {{3}, float32}}, [](const std::vector<Tensor>& in) {
    return std::vector{run(*find_op("set_row"), in[0], in[1], in[2])};
  });
  const std::vector<detail::Shape> strides{{3, 1}, {}, {1}};
  CHECK(Plan(body, strides, {}).overwrites(0) == 0);
  auto looks_later = traced({{{5, 3}, float32}, {{}, int64}, {{3}, float32}}, [](const std::vector<Tensor>& in) {
    const Tensor after = run(*find_op("set_row"), in[0], in[1], in[2]);
    return std::vector{after, matmul(in[0], transpose(after))};
  });
  CHECK(Plan(looks_later, strides, {}).overwrites(0) == -1);
  auto from_itself = traced({{{5, 3}, float32}, {{}, int64}}, [](const std::vector<Tensor>& in) {
    return std::vector{run(*find_op("set_row"), in[0], in[1], in[0][1])};
  });
  CHECK(Plan(from_itself, std::vector<detail::Shape>{{3, 1}, {}}, {}).overwrites(0) == -1);
}

TEST_CASE("a thousand turns give what a thousand eager ones give", "[function][control]") {
  const auto walk = [](const Tensor& v) {
    Tensor s = v;
    for (Tensor i : range(1000, carry(s))) s = s + cos(s) * 0.01f + cast(i, float32) * 1e-6f;
    return s;
  };
  const Tensor x = constant({0.1f, 2.f, -3.f});
  CHECK(array_equal(function(walk)(x), walk(x)));
  check_like_eager([](const Tensor& v) { return recurrence(1000)(v); }, x);
}

TEST_CASE("carried tensors may change places, stay, be views and come strided", "[function][control]") {
  check_like_eager(
      [](const Tensor& v) {
        auto [a, b, kept, turned] = std::tuple{v, transpose(v), v * 3.f, v};
        for (Tensor i : range(5, carry(a, b, kept, turned))) {
          const Tensor next = a + b * 0.1f + kept * cast(i, float32);
          a = b;
          b = next;
          turned = transpose(turned + 1.f);
        }
        return a * b + kept + turned;
      },
      random::normal({4, 4}, {.seed = 3}));
  check_like_eager(  // as many turns as make the last place odd or even, or none
      [](const Tensor& v) {
        Tensor all = v * 0.f;
        for (int n : {0, 1, 2, 3}) {
          Tensor s = transpose(v);
          for ([[maybe_unused]] Tensor i : range(n, carry(s))) s = s * 0.5f + v;
          all = all + s * static_cast<float>(n + 1);
        }
        return all;
      },
      random::normal({3, 3}, {.seed = 4}));
}

TEST_CASE("what a loop stacks may also be what it carries, from either end", "[function][control]") {
  for (const bool reverse : {false, true})
    check_like_eager(
        [=](const Tensor& v) {
          const Tensor columns = transpose(v);  // slices that are strided
          auto [last, ys] = scan(
              [](const std::pair<Tensor, Tensor>& s, const Tensor& x) {
                const Tensor h = tanh(s.first * 0.5f + x), c = s.second * h;
                return std::pair{std::pair{h, c}, std::tuple{h, s.first, h * c, h}};
              },
              std::pair{columns[0], columns[1] + 1.f}, columns, {.reverse = reverse});
          const auto& [h, before, product, again] = ys;
          return h * 2.f + before + product + again * last.second;
        },
        random::normal({3, 6}, {.seed = 5}));
}

TEST_CASE("a loop of unknown length keeps what its gradient needs", "[function][control]") {
  for (const double limit : {0.5, 3.0, 1e6})  // no turn, a few, more than a first buffer holds
    check_like_eager(
        [=](const Tensor& v) {
          return while_loop(
              [=](const Tensor& s) { return sum(s) < limit; }, [&](const Tensor& s) { return s * 1.5f + v; }, v);
        },
        constant({0.4f, 0.3f}));
}

TEST_CASE("sizes that are known only on the way cut the graph into plans", "[function][control]") {
  const auto by_branch = [](const Tensor& v) {
    const Tensor some = cond(
        sum(v) > 0, [&] { return v * 2.f; },
        [&] {
          return concat({v, v});
        });
    return sum(exp(some * 0.1f)) * v;
  };
  auto f = function(by_branch);
  for (const float x : {1.f, -1.f}) {
    const Tensor v = constant({x, 2 * x});
    CHECK(allclose(f(v), by_branch(v)));
    check_like_eager(by_branch, v);
  }
  const auto grows = [](const Tensor& v) {
    const Tensor all = while_loop(
        [](const Tensor& s) { return sum(s) < 10; },
        [](const Tensor& s) {
          return concat({s, s});
        },
        v, {.shape_invariants = {{unknown}}});
    return all * 2.f + 1.f;
  };
  auto g = function(grows);
  CHECK(array_equal(g(ones({3})), grows(ones({3}))));
  CHECK(array_equal(g(ones({3}) * 100.f), grows(ones({3}) * 100.f)));
  auto loops = function(
      [&](const Tensor& v) {  // a loop in a body whose sizes nobody knows
        Tensor s = v;
        for ([[maybe_unused]] Tensor i : range(3, carry(s))) s = s + sum(grows(s));
        return s;
      },
      {.input_signature = {TensorSpec({unknown})}});
  for (const int n : {2, 5}) {
    Tensor expected = ones({n});
    for (int i = 0; i < 3; ++i) expected = expected + sum(grows(expected));
    CHECK(allclose(loops(ones({n})), expected));
  }
}

TEST_CASE("gradients of second order flow through compiled loops and branches", "[function][control]") {
  const auto f = [](const Tensor& v) {
    auto [s, ys] = scan(
        [&](const Tensor& state, const Tensor& x) {
          const Tensor next = cond(
              sum(x) > 0, [&] { return state * x; }, [&] { return sin(state + x); });
          return std::pair{next, next * next};
        },
        v[0], v);
    return sum(s) + sum(ys);
  };
  const auto second = [&](auto& g, const Tensor& x) {
    GradientTape outer;
    outer.watch(x);
    GradientTape inner;
    inner.watch(x);
    const Tensor y = g(x), first = inner.gradient(y, x);
    return std::pair{first, outer.gradient(sum(first * first), x)};
  };
  const Tensor x = random::normal({5, 2}, {.dtype = float64, .seed = 7});
  auto compiled = function(f);
  auto whole = function([&](const Tensor& v) { return second(f, v); });
  const auto expected = second(f, x);
  for (const auto& got : {second(compiled, x), whole(x)}) {
    CHECK(allclose(got.first, expected.first, 1e-9, 1e-12));
    CHECK(allclose(got.second, expected.second, 1e-9, 1e-12));
  }
}

TEST_CASE("products leave loops for all turns at once", "[function][control]") {
  const Tensor w = random::normal({4, 6}, {.seed = 1}), r = random::normal({6, 6}, {.seed = 2}) * 0.3f;
  const auto net = [&](const Tensor& x) {
    return scan([&](const Tensor& h, const Tensor& t) { return tanh(matmul(t, w) + matmul(h, r)); }, zeros({3, 6}), x);
  };
  check_like_eager(net, random::normal({5, 3, 4}, {.seed = 3}));
  // In the gradient to weights and slices too; r alone stays in the loop, once a direction.
  const auto gradient = [&](const Tensor& x, const Tensor& kernel, const Tensor& bias) {
    GradientTape tape;
    tape.watch(x), tape.watch(kernel), tape.watch(bias);
    const Tensor y = scan(
        [&](const Tensor& h, const Tensor& t) { return tanh(matmul(t, kernel) + matmul(h, r) + bias); }, zeros({3, 6}),
        x);
    return tape.gradient(sum(y * y), std::vector<Source>{x, kernel, bias});
  };
  const Tensor x = random::normal({5, 3, 4}, {.seed = 3}), b = random::normal({6}, {.seed = 4});
  auto graph = traced_for({x, w, b}, [&](const std::vector<Tensor>& in) { return gradient(in[0], in[1], in[2]); });
  CHECK(products_out_of_loops(*graph) == 2);
  graph->check();
  CHECK(graph->count("matmul") == 3);  // x·w, its gradients to w and to x
  const auto got = Replay(*graph).run(std::vector{x, w, b}), expected = gradient(x, w, b);
  for (std::size_t i = 0; i < 3; ++i) CHECK(allclose(got[i], expected[i], 1e-5, 1e-5));
}

TEST_CASE("what no turn changes is computed before the loop", "[function][control]") {
  const auto net = [](const Tensor& x, const Tensor& w) {
    return scan([&](const Tensor& h, const Tensor& t) { return h * 0.5f + matmul(exp(w * 0.3f), t); }, x[0], x);
  };
  const Tensor x = random::normal({5, 4, 3}, {.seed = 3}), w = random::normal({4, 4}, {.seed = 1});
  auto graph = traced_for({x, w}, [&](const std::vector<Tensor>& in) { return std::vector{net(in[0], in[1])}; });
  const int before = graph->count("exp");
  CHECK(products_out_of_loops(*graph) == 1);
  graph->check();
  CHECK(graph->count("exp") == before + 1);
  CHECK(allclose(Replay(*graph).run(std::vector{x, w})[0], net(x, w), 1e-5, 1e-6));
}

TEST_CASE("slices and joins of slices leave no trace in the numbers", "[function][control]") {
  const auto gates = [](const Tensor& x) {
    const Tensor both = x * 2.f + 1.f;
    return sigmoid(both(ellipsis, slice(0, 16))) * tanh(both(ellipsis, slice(16, 32)));
  };
  const Tensor x = random::normal({3, 32}, {.seed = 1});
  auto graph = traced_for({x}, [&](const std::vector<Tensor>& in) {
    GradientTape tape;
    tape.watch(in[0]);
    const Tensor y = gates(in[0]);
    return std::vector{y, tape.gradient(y, in[0])};
  });
  CHECK(join_slices(*graph) == 1);
  prune(*graph);
  CHECK(lift_slices(*graph) == 2);
  graph->check();
  CHECK(graph->count("concat") == 1);
  CHECK(graph->count("slice_gradient") == 0);
  GradientTape tape;
  tape.watch(x);
  const Tensor y = gates(x);
  const auto got = Replay(*graph).run(std::vector{x});
  CHECK(array_equal(got[0], y));
  CHECK(array_equal(got[1], tape.gradient(y, x)));
}

TEST_CASE("threads may run one loop at once", "[function][control]") {
  const auto body = [](const Tensor& v) { return recurrence(50)(v); };
  auto f = function(body);
  const Tensor x = random::normal({32}, {.seed = 9}), expected = f(x);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) wrong += !array_equal(f(x), expected);
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a failure inside a turn leaves variables as they were", "[function][control]") {
  Variable total(0.f), count(0);
  auto f = function([&](const Tensor& indices, const Tensor& values) {
    count.assign_add(1);
    return scan(
        [&](const Tensor& s, const Tensor& i) {
          const Tensor next = s + gather(values, i);
          total.assign_add(next);
          return next;
        },
        0.f, indices);
  });
  const Tensor values = constant({1.f, 2.f});
  f(constant({0, 1}), values);
  CHECK(total.item<float>() == 4);
  CHECK_THROWS_AS(f(constant({0, 7}), values), IndexError);  // the second turn
  CHECK(total.item<float>() == 4);
  CHECK(count.item<int>() == 1);
  f(constant({1, 1}), values);  // usable
  CHECK(total.item<float>() == 10);
  CHECK(count.item<int>() == 2);
}
