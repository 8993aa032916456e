// Concrete functions: one trace, called directly, and cut down by names; variables made while tracing.
#include <thread>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

TEST_CASE("program 2: results decide what runs", "[function]") {
  auto f = function([](Tensor x, Tensor y) {
    Tensor s = add(x, y), m = multiply(x, y), useless = multiply(x, s);
    return std::tuple{named(pow(s, m), "z"), named(useless, "useless")};
  });
  auto [z, useless] = f(2, 3);
  CHECK(z.item<int>() == 15625);
  CHECK(useless.item<int>() == 10);
  auto only_z = f.get_concrete_function(2, 3).prune({"z"});
  CHECK(only_z(2, 3).item<int>() == 15625);
  CHECK(only_z(3, 2).item<int>() == 15625);
  const std::string text = only_z.explain();
  INFO(text);
  CHECK(text.find("4 operations traced, 1 pruned, 3 run") != std::string::npos);
  CHECK(text.find("pruned: multiply 'useless': int32()") != std::string::npos);
  CHECK(only_z.graph().find("'useless'") == std::string::npos);
  auto [a, b] = f.get_concrete_function(2, 3).prune({"useless", "z"})(2, 3);
  CHECK(a.item<int>() == 10);
  CHECK(b.item<int>() == 15625);
}

TEST_CASE("a pruned function may be fed in the middle", "[function]") {
  Variable writes(0);
  auto f = function([&](const Tensor& x) {
    Tensor hidden = named(x * 2, "hidden");
    writes.assign_add(1);
    NameScope scope("head");
    return named(hidden + 1, "out");
  });
  auto concrete = f.get_concrete_function(ones({3}));
  CHECK(concrete(ones({3})).to_vector<float>()[0] == 3);
  CHECK(writes.item<int>() == 1);
  auto head = concrete.prune({"head/out"}, {"hidden"});
  CHECK(head(constant({5.f, 6.f, 7.f})).to_vector<float>() == std::vector{6.f, 7.f, 8.f});
  CHECK(writes.item<int>() == 1);  // nothing that is fetched depends on the write
  CHECK_THROWS_AS(concrete.prune({"head/out"}, {"head/out", "nowhere"}), UsageError);
  CHECK_THROWS_WITH(concrete.prune({"z"}), Catch::Contains("head/out, hidden"));
  CHECK_THROWS_AS(concrete(ones({4})), UsageError);
  CHECK_THROWS_AS(concrete(ones({3}), ones({3})), UsageError);
  auto with_x = function([](const Tensor& x, const Tensor& y) { return named(named(x * 2, "double") + y, "sum"); });
  CHECK_THROWS_AS(with_x.get_concrete_function(1.f, 1.f).prune({"sum"}, {"double"}), UsageError);
}

TEST_CASE("pruning keeps the writes that a fetched value reads", "[function]") {
  Variable v(1.f), other(1.f);
  auto f = function([&](const Tensor& x) {
    v.assign(x);
    other.assign(x);
    return named(v * 2.f, "twice");
  });
  auto twice = f.get_concrete_function(0.f).prune({"twice"});
  CHECK(twice(5.f).item<float>() == 10);
  CHECK(v.item<float>() == 5);
  CHECK(other.item<float>() == 1);
}

TEST_CASE("a spec gives a concrete function for every size, which also serves calls", "[function]") {
  auto f = function([](const Tensor& x, float by) { return x * by; });
  auto any = f.get_concrete_function(TensorSpec({unknown, 2}), 3.f);
  CHECK(any(ones({5, 2}), 3.f).shape() == Shape{5, 2});
  CHECK_THROWS_AS(any(ones({5, 2}), 4.f), UsageError);
  CHECK_THROWS_AS(any(ones({5, 3}), 3.f), UsageError);
  f(ones({9, 2}), 3.f);
  CHECK(f.trace_count() == 1);
  f(ones({9, 3}), 3.f);
  CHECK(f.trace_count() == 2);
}

TEST_CASE("names are made unique, and names need no function", "[function]") {
  auto f = function([](const Tensor& x) {
    const Tensor first = named(x + 1, "y");
    return first * named(x + 2, "y");
  });
  auto parts = f.get_concrete_function(1.f).prune(std::vector<std::string>{"y", "y_1"})(3.f);
  CHECK(parts[0].item<float>() == 4);
  CHECK(parts[1].item<float>() == 5);
  CHECK(named(constant(1.f), "z").item<float>() == 1);
  CHECK_THROWS_AS(named(constant(1.f), ""), UsageError);
}

TEST_CASE("variables made in the first call start with values of their own, later ones are an error", "[function]") {
  std::optional<Variable> w;
  auto f = function([&](const Tensor& x) {
    if (!w) w.emplace(random::normal({3}) * 2 + 1);
    return x * *w;
  });
  set_seed(3);
  f(ones({3}));
  set_seed(3);
  CHECK(array_equal(w->value(), random::normal({3}) * 2 + 1));  // drawn once, outside the trace
  const auto before = default_generator().position();
  f(ones({3}));
  f(ones({1}));
  CHECK(default_generator().position() == before);

  std::vector<Variable> all;
  auto late = function([&](const Tensor& x) {
    all.emplace_back(1.f);
    return x * all.back();
  });
  late(1.f);
  late(2.f);
  CHECK(all.size() == 1);
  CHECK_THROWS_AS(late(ones({2})), UsageError);
  auto dependent = function([&](const Tensor& x) { return Variable(x * 2).value(); });
  CHECK_THROWS_AS(dependent(1.f), UsageError);
}

TEST_CASE("layers and optimizers make their variables in the first call too, and not in later traces", "[function]") {
  // Each is made by the first call of one function, and by a later trace of another, which refuses.
  const auto check = [](auto make) {
    auto used = make();
    auto at_once = function([&](const Tensor& x) { return used(x); });
    CHECK_NOTHROW(at_once(ones({2, 3})));
    CHECK_NOTHROW(at_once(ones({4, 3})));
    auto late = make();
    auto f = function([&](const Tensor& x) { return x.dim(0) == 2 ? x : late(x); });
    f(ones({2, 3}));
    CHECK_THROWS_WITH(
        f(ones({4, 3})), Catch::Contains("while its first call is traced") && Catch::Contains("concrete.test.cpp:"));
    late(ones({4, 3}));  // outside, or by an eager call
    CHECK_NOTHROW(f(ones({4, 3})));
  };
  check([] { return [layer = nn::Dense(2)](const Tensor& x) { return layer(x * 1); }; });
  check([] { return [rnn = nn::RNN(nn::LSTMCell(2))](const Tensor& x) { return rnn(reshape(x * 1, {1, -1, 3})); }; });
  check([] {
    return [layer = nn::Dense(2)](const Tensor& x) {
      return cond(
          constant(true), [&] { return layer(x * 1); }, [&] { return layer(x * 2); });
    };
  });
  check([] {
    return [w = Variable(ones({3})), sgd = optimizers::SGD(0.1, {.momentum = 0.9})](const Tensor& x) {
      sgd.apply_gradients({mean(x * 1, 0)}, {w});
      return w.value();
    };
  });
}

TEST_CASE("a function that calls itself is an error", "[function]") {
  std::function<Tensor(const Tensor&)> again;
  auto f = function([&](const Tensor& x) { return again(x) + 1; });
  again = [&](const Tensor& x) { return f(x); };
  CHECK_THROWS_AS(f(1.f), UsageError);
  again = [](const Tensor& x) { return x; };
  CHECK(f(1.f).item<float>() == 2);
}

TEST_CASE("threads that call one function trace it once", "[function]") {
  std::atomic<int> traces{0};
  auto f = function([&](const Tensor& x) {
    ++traces;
    return exp(x) + 1;
  });
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        right += array_equal(f(constant(static_cast<float>(t))), exp(constant(static_cast<float>(t))) + 1);
    });
  for (auto& thread : threads) thread.join();
  CHECK(traces == 1);
  CHECK(right == 200);
}

TEST_CASE("a concrete function inside a function is taken up by its trace", "[function]") {
  Variable written(0.f);
  auto inner = function([&](const Tensor& x) {
    written.assign_add(sum(x));
    return named(exp(x), "e") * 2 + random::uniform({3});
  });
  const auto concrete = inner.get_concrete_function(ones({3}));
  const auto half = concrete.prune({"e"});
  const auto body = [&](const Tensor& x) {
    Tensor y = concrete(x + 1) * written;
    for ([[maybe_unused]] Tensor t : range(2, carry(y))) y = half(y * 0.1f) + y;
    return y;
  };
  auto outer = function(body);
  std::vector<Tensor> results;
  for (int i = 0; i < 2; ++i) {
    written.assign(0.f);
    set_seed(5);
    for (float v : {0.5f, 1.f}) results.push_back(i ? outer(full({3}, v)) : body(full({3}, v)));
  }
  CHECK(array_equal(results[0], results[2]));
  CHECK(array_equal(results[1], results[3]));
  CHECK(outer.trace_count() == 1);
  CHECK_THROWS_AS(function([&](const Tensor& x) { return concrete(x); })(ones({4})), UsageError);
}
