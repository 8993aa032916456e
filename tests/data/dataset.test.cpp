// Datasets: order, batches, repetition, shuffling, prefetching.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

std::vector<int> ids(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}
data::Dataset<1> counting(int n) { return data::from_tensor_slices(constant(ids(n))); }

std::vector<int> all(const data::Dataset<1>& dataset) {
  std::vector<int> out;
  for (Tensor t : dataset) {
    for (int v : t.to_vector<int>()) out.push_back(v);
  }
  return out;
}

}  // namespace

TEST_CASE("slices of several tensors come in step", "[data]") {
  const auto dataset = data::from_tensor_slices(constant({{1.f, 2.f}, {3.f, 4.f}}), constant({7, 8}));
  int label = 7;
  for (auto [x, y] : dataset) {
    CHECK(x.shape() == Shape{2});
    CHECK(y.item<int>() == label);
    CHECK(x[0].item<float>() == float(2 * (label - 7) + 1));
    ++label;
  }
  CHECK(label == 9);
  CHECK(dataset.size() == 2);
  CHECK_THROWS_AS(data::from_tensor_slices(ones({2}), ones({3})), ShapeError);
  CHECK_THROWS_AS(data::from_tensor_slices(constant(1.f)), ShapeError);
  CHECK_THROWS_AS(data::from_tensor_slices(Tensor()), UsageError);
  CHECK(all(data::from_tensor_slices(zeros({0}))).empty());
}

TEST_CASE("take, skip and repeat cut and continue", "[data]") {
  CHECK(all(counting(5).take(2)) == std::vector<int>{0, 1});
  CHECK(all(counting(5).skip(3)) == std::vector<int>{3, 4});
  CHECK(all(counting(2).repeat(2)) == std::vector<int>{0, 1, 0, 1});
  CHECK(all(counting(2).repeat().take(5)) == std::vector<int>{0, 1, 0, 1, 0});
  CHECK(all(counting(2).skip(9)).empty());
  CHECK(all(counting(2).skip(2).repeat()).empty());  // nothing, repeated for ever, is nothing
  CHECK(counting(5).take(9).size() == 5);
  CHECK(counting(5).skip(2).size() == 3);
  CHECK(counting(5).repeat(3).size() == 15);
  CHECK(counting(5).repeat().size() == data::infinite);
  CHECK(counting(5).repeat().take(7).size() == 7);
  CHECK_THROWS_AS(counting(1).take(-1), UsageError);
  CHECK_THROWS_AS(counting(1).skip(-1), UsageError);
  CHECK_THROWS_AS(counting(1).repeat(-2), UsageError);
}

TEST_CASE("batches stack along a new first dimension", "[data]") {
  std::vector<Shape> shapes;
  for (Tensor t : data::from_tensor_slices(zeros({5, 3})).batch(2)) shapes.push_back(t.shape());
  CHECK(shapes == std::vector<Shape>{{2, 3}, {2, 3}, {1, 3}});
  CHECK(counting(5).batch(2).size() == 3);
  CHECK(counting(5).batch(2, {.drop_remainder = true}).size() == 2);
  CHECK(all(counting(5).batch(2, {.drop_remainder = true})) == std::vector<int>{0, 1, 2, 3});
  CHECK(all(counting(5).batch(2)) == ids(5));
  for (Tensor t : counting(8).batch(2).batch(2)) CHECK(t.shape() == Shape{2, 2});
  for (Tensor t : counting(3).repeat(2).batch(6)) CHECK(t.to_vector<int>() == std::vector<int>{0, 1, 2, 0, 1, 2});
  CHECK_THROWS_AS(counting(1).batch(0), UsageError);
}

TEST_CASE("a batch of consecutive rows shares their storage, and keeps it", "[data]") {
  Tensor x = ones({6, 4}), batch;
  const float* data = x.data<float>();
  {
    auto dataset = data::from_tensor_slices(x).batch(3);
    auto at = dataset.begin();
    batch = *++at;
  }
  x = {};
  CHECK(batch.data<float>() == data + 12);
}

TEST_CASE("map changes elements and their number", "[data]") {
  const auto doubled = counting(3).map([](const Tensor& t) { return t * 2; });
  CHECK(all(doubled) == std::vector<int>{0, 2, 4});
  const auto pairs = doubled.map([](const Tensor& t) { return std::pair{t, t + 1}; });
  int count = 0;
  for (auto [a, b] : pairs.batch(2)) {
    CHECK(array_equal(a + 1, b));
    ++count;
  }
  CHECK(count == 2);
  CHECK(all(pairs.map([](const Tensor& a, const Tensor& b) { return a + b; })) == std::vector<int>{1, 5, 9});
  CHECK_THROWS_AS(all(counting(3).map([](const Tensor& t) { return zeros({t.item<int>()}); }).batch(2)), ShapeError);
}

TEST_CASE("shuffle permutes, differs between passes and repeats with its seed", "[data]") {
  const auto order = [](const data::Dataset<1>& d) { return all(d); };
  const auto seeded = counting(100).shuffle(100, {.seed = 3});
  const auto first = order(seeded), second = order(seeded);
  CHECK(first != second);
  CHECK(first != ids(100));
  CHECK(std::is_permutation(first.begin(), first.end(), ids(100).begin()));
  const auto again = counting(100).shuffle(100, {.seed = 3});
  CHECK(order(again) == first);
  CHECK(order(again) == second);
  const auto fixed = counting(100).shuffle(100, {.reshuffle_each_iteration = false});
  CHECK(order(fixed) == order(fixed));
  set_seed(5);
  const auto global = order(counting(100).shuffle(100));
  set_seed(5);
  CHECK(order(counting(100).shuffle(100)) == global);
  CHECK_THROWS_AS(counting(1).shuffle(0), UsageError);
}

TEST_CASE("a small shuffle buffer moves elements forward by less than its size", "[data]") {
  const auto order = all(counting(1000).shuffle(10, {.seed = 1}));
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] < int(i) + 10);
  CHECK(all(counting(5).shuffle(1)) == ids(5));
  CHECK(all(counting(3).shuffle(std::int64_t{1} << 60, {.seed = 1})).size() == 3);
}

TEST_CASE("shuffling is even", "[data]") {
  // How often element 0 lands in each of four places: 4,000 passes, four standard deviations.
  const auto dataset = counting(4).shuffle(4, {.seed = 9});
  int places[4] = {};
  for (int pass = 0; pass < 4000; ++pass) {
    const auto order = all(dataset);
    ++places[std::find(order.begin(), order.end(), 0) - order.begin()];
  }
  for (int n : places) CHECK(std::abs(n - 1000) < 110);
}

TEST_CASE("prefetch gives the same elements and works ahead", "[data]") {
  CHECK(
      all(counting(100).shuffle(100, {.seed = 1}).batch(7).prefetch(2)) ==
      all(counting(100).shuffle(100, {.seed = 1}).batch(7)));
  CHECK(counting(10).prefetch(3).size() == 10);
  CHECK_THROWS_AS(counting(1).prefetch(0), UsageError);
  std::atomic<int> made{0};
  const auto dataset = counting(100).map([&](const Tensor& t) { return ++made, t; }).prefetch(3);
  auto at = dataset.begin();
  for (int i = 0; i < 500 && made < 4; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(made >= 4);
  CHECK(made <= 6);
}

TEST_CASE("a loop that breaks stops the prefetching thread", "[data]") {
  std::atomic<int> made{0};
  {
    int seen = 0;
    for (Tensor t : counting(2).repeat().map([&](const Tensor& x) { return ++made, x; }).prefetch(2)) {
      if (++seen == 3) break;
    }
  }
  const int after = made;
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(made == after);
}

TEST_CASE("exceptions of a step reach the loop, through prefetch too", "[data]") {
  const auto failing = counting(10).map([](const Tensor& t) {
    if (t.item<int>() == 3) throw UsageError("three");
    return t;
  });
  for (const auto& dataset : {failing, failing.prefetch(2), failing.prefetch(1).batch(2).prefetch(1)}) {
    std::vector<int> seen;
    CHECK_THROWS_WITH(
        [&] {
          for (Tensor t : dataset)
            for (int v : t.to_vector<int>()) seen.push_back(v);
        }(),
        "three");
    CHECK(seen.size() >= 2);
    CHECK(seen.size() <= 3);
  }
}

TEST_CASE("a tape around a loop does not see the dataset's own work", "[data]") {
  Variable w(2.f);
  GradientTape tape;
  Tensor total = constant(0.f);
  for (Tensor x : data::from_tensor_slices(constant({1.f, 2.f})).map([&](const Tensor& t) { return t * w; }))
    total += x * w;
  CHECK(tape.gradient(total, w).item<float>() == 6);  // w·(w·1 + w·2), the inner w being data
}

TEST_CASE("two loops over one dataset do not disturb each other", "[data]") {
  const auto dataset = counting(50).shuffle(50, {.seed = 2}).batch(8).prefetch(2);
  std::vector<int> sums(2);
  std::vector<std::thread> threads;
  for (int& s : sums)
    threads.emplace_back([&] {
      for (int v : all(dataset)) s += v;
    });
  for (auto& t : threads) t.join();
  CHECK(sums == std::vector<int>{1225, 1225});
}

TEST_CASE("reduce folds a dataset into a state, one compiled step an element", "[data]") {
  int traces = 0;
  auto add_to = function([&](const Tensor& total, const Tensor& x) {
    ++traces;
    return total + sum(x);
  });
  const auto data = data::from_tensor_slices(constant({1.f, 2.f, 3.f, 4.f, 5.f, 6.f})).batch(2);
  CHECK(data.reduce(constant(0.f), add_to).item<float>() == 21);
  CHECK(traces == 1);
  CHECK(data.reduce(0, [](int count, const Tensor&) { return count + 1; }) == 3);
  // A number to begin with becomes a tensor where the step gives one.
  CHECK(data.reduce(0.f, add_to).item<float>() == 21);
  CHECK(data.reduce(0.f, [](const auto& total, const Tensor& x) { return total + sum(x); }).item<float>() == 21);
}
