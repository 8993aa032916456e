// Variables: assignments and scatter updates, when they write in place, and what is freed when nothing holds them.
#include "keen/variable.h"

#include <thread>

#include "catch.h"
#include "core/tensor_impl.h"
#include "core/variable_state.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

using namespace keen;

namespace {

// Where the variable's elements lie, without holding them.
const void* place(const Variable& v) { return v.state()->value.impl()->data; }

}  // namespace

TEST_CASE("a variable starts with a copy of its initial value", "[variable]") {
  std::vector<float> mine{1, 2};
  Tensor initial = from_buffer(mine.data(), {2});
  Variable v(initial);
  CHECK(place(v) != mine.data());
  v.assign_add(1);
  CHECK(mine == std::vector<float>{1, 2});
  CHECK(v.to_vector<float>() == std::vector<float>{2, 3});
  CHECK(Variable(transpose(constant({{1, 2}, {3, 4}}))).to_vector<int>() == std::vector{1, 3, 2, 4});
  CHECK(Variable(3.f).item<float>() == 3);
  CHECK(Variable(7).dtype() == int32);
}

TEST_CASE("assign, assign_add and assign_sub set, raise and lower the value", "[variable]") {
  Variable v(constant({{1.f, 2.f}, {3.f, 4.f}}));
  v.assign(constant({{5.f, 6.f}, {7.f, 8.f}}));
  v.assign_add(constant({10.f, 20.f})).assign_sub(1.f);  // broadcast, and chain
  CHECK(v.to_vector<float>() == std::vector<float>{14, 25, 16, 27});
  v.assign(transpose(v.value()));
  CHECK(v.to_vector<float>() == std::vector<float>{14, 16, 25, 27});
  v.assign_add(v);
  v.assign_sub(v.value() / 2);
  CHECK(v.to_vector<float>() == std::vector<float>{14, 16, 25, 27});
  v.assign(broadcast_to(constant(2.f), {2, 2}));
  CHECK(v.to_vector<float>() == std::vector<float>{2, 2, 2, 2});
  Variable n(constant({1, 2}, {.dtype = int8}));
  n.assign_add(127);  // integers wrap
  CHECK(n.to_vector<int>() == std::vector{-128, -127});
  Variable empty(zeros({0, 3}));
  empty.assign_add(1.f).assign(zeros({0, 3}));
  CHECK(empty.size() == 0);
}

TEST_CASE("scatter updates touch the rows they name", "[variable]") {
  Variable v(reshape(range(8), {4, 2}));
  v.scatter_update(constant({2, 0}), constant({{-1, -2}, {-3, -4}}));
  CHECK(v.to_vector<int>() == std::vector{-3, -4, 2, 3, -1, -2, 6, 7});
  v.scatter_add(constant({1, -1, 1}), constant({{10, 10}, {100, 100}, {20, 30}}));  // duplicates add up
  CHECK(v.to_vector<int>() == std::vector{-3, -4, 32, 43, -1, -2, 106, 107});
  v.scatter_sub(constant({1}), constant({{32, 43}}));
  v.scatter_update(constant({3, 3}), constant({{1, 1}, {8, 9}}));  // the later one wins
  CHECK(v.to_vector<int>() == std::vector{-3, -4, 0, 0, -1, -2, 8, 9});
  v.scatter_add(zeros({0}, {.dtype = int64}), zeros({0, 2}, {.dtype = int32}));
  CHECK(v.to_vector<int>() == std::vector{-3, -4, 0, 0, -1, -2, 8, 9});
  Variable line(constant({1.f, 2.f, 3.f}));
  line.scatter_add(constant({2}, {.dtype = uint8}), constant({0.5f}));
  CHECK(line.to_vector<float>() == std::vector<float>{1, 2, 3.5f});
}

TEST_CASE("a write is in place while nothing else holds the buffer", "[variable]") {
  Variable v(zeros({100}));
  const void* before = place(v);
  v.assign_add(1.f).assign_sub(constant(0.25f));
  v.assign(broadcast_to(constant(3.f), {100}));
  v.scatter_add(constant({1, 2}), ones({2}));
  CHECK(place(v) == before);
  { Tensor held = v; }
  v.assign_add(1.f);
  CHECK(place(v) == before);  // it is held no longer
}

TEST_CASE("a write publishes a new buffer while something holds the old one", "[variable]") {
  auto update = GENERATE(0, 1, 2, 3, 4);
  Variable v(constant({1.f, 2.f, 3.f}));
  const void* before = place(v);
  Tensor whole = v;
  SECTION("the tensor itself") {}
  SECTION("a view of it") { whole = whole(slice({}, {}, -1))(slice({}, {}, -1)); }
  SECTION("a dataset's slice of it") { whole = reshape(whole, {3, 1})(all_of, 0); }
  Tensor delta = constant({1.f, 1.f, 1.f});
  if (update == 0) v.assign(delta);
  if (update == 1) v.assign_add(delta);
  if (update == 2) v.assign_sub(delta);
  if (update == 3) v.scatter_update(constant({0}), constant({9.f}));
  if (update == 4) v.scatter_add(constant({0}), constant({9.f}));
  CHECK(place(v) != before);
  CHECK(whole.to_vector<float>() == std::vector<float>{1, 2, 3});
  const std::vector<std::vector<float>> wanted{{1, 1, 1}, {2, 3, 4}, {0, 1, 2}, {9, 2, 3}, {10, 2, 3}};
  CHECK(v.to_vector<float>() == wanted[static_cast<std::size_t>(update)]);
}

TEST_CASE("assigning a result that nobody else holds takes its buffer", "[variable]") {
  Variable v(zeros({1000}));
  Tensor x = ones({1000});
  Tensor result = x + 1;
  const void* made = result.data<float>();
  v.assign(std::move(result));
  CHECK(place(v) == made);
  v.assign(x);  // x is still held, so it is copied
  CHECK(place(v) != x.data<float>());
  CHECK(place(v) == made);
  Tensor copy = x;
  v.assign(std::move(copy));
  CHECK(place(v) != x.data<float>());
  std::vector<float> mine(1000, 4);
  v.assign(from_buffer(mine.data(), {1000}));  // nor is a borrowed buffer taken
  CHECK(place(v) != mine.data());
  Tensor wide = ones({2, 1000});
  v.assign(std::move(wide)[1]);
  v.assign_add(1.f);
  CHECK(v.value()[999].item<float>() == 2);
}

TEST_CASE("the value of a variable is no operand to donate", "[variable]") {
  Variable v(ones({50}));
  Tensor doubled = v + v, raised = exp(v.value());
  doubled = v * 3;
  CHECK(v.to_vector<float>() == std::vector<float>(50, 1));
  CHECK(doubled.to_vector<float>() == std::vector<float>(50, 3));
}

TEST_CASE("a tape's values stay when the variable is assigned", "[variable]") {
  Variable w(3.f);
  GradientTape tape;
  Tensor y = w * w;
  w.assign(100.f);
  CHECK(tape.gradient(y, w).item<float>() == 6);
}

TEST_CASE("copies of a handle share one state", "[variable]") {
  Variable a(1.f, {.name = "a", .trainable = false}), b = a, c(1.f);
  b.assign(5.f);
  b.set_name("renamed");
  b.set_trainable(true);
  CHECK(a.item<float>() == 5);
  CHECK(a.name() == "renamed");
  CHECK(a.trainable());
  CHECK(a.is(b));
  CHECK_FALSE(a.is(c));
  CHECK_FALSE(Variable().defined());
  CHECK(c.name().empty());
  CHECK(c.trainable());
}

TEST_CASE("a variable tells its shape, and operations take it as a tensor", "[variable]") {
  Variable v(zeros({2, 3}, {.dtype = float64}));
  CHECK(v.shape() == Shape{2, 3});
  CHECK(v.rank() == 2);
  CHECK(v.dim(-1) == 3);
  CHECK(v.size() == 6);
  CHECK(v.dtype() == float64);
  CHECK(v.device() == Device());
  CHECK((v + 1).dtype() == float64);
  CHECK(sum(v).item<double>() == 0);
  CHECK(matmul(v, transpose(v)).shape() == Shape{2, 2});
  CHECK((2.f * v - v / v.value().size()).shape() == Shape{2, 3});
  CHECK_THROWS_AS(v.dim(2), IndexError);
}

TEST_CASE("a variable is freed when nothing holds it", "[variable]") {
  const auto before = memory_stats().in_use;
  std::weak_ptr<detail::VariableState> state;
  Tensor kept;
  {
    Variable v(zeros({1000}), {.name = "short-lived"}), other = v;
    state = v.state();
    kept = v;
    GradientTape tape;
    Tensor y = v * 2;
    CHECK(memory_stats().in_use > before);
  }
  CHECK(state.expired());
  CHECK(kept.size() == 1000);  // a value outlives its variable
  kept = Tensor();
  CHECK(memory_stats().in_use == before);
}

TEST_CASE("readers see whole values while another thread assigns", "[variable][threads]") {
  Variable v(zeros({3000}));
  std::atomic<bool> done{false}, torn{false};
  auto whole = [](const Tensor& t) {
    auto all = t.span<float>();
    return std::equal(all.begin() + 1, all.end(), all.begin());
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done) {
        Tensor value = v;
        if (!whole(value) || !whole(value)) torn = true;
      }
    });
  for (int i = 1; i <= 200; ++i) {
    v.assign_add(1.f);
    v.assign(full({3000}, static_cast<float>(i)));
  }
  done = true;
  for (auto& t : readers) t.join();
  CHECK_FALSE(torn);
  CHECK(v.value()[0].item<float>() == 200);
}

TEST_CASE("additions from several threads all count", "[variable][threads]") {
  Variable v(zeros({64})), rows(zeros({2, 8}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 250; ++k) {
        v.assign_add(1.f);
        rows.scatter_add(constant({1}), ones({1, 8}));
      }
    });
  for (auto& t : threads) t.join();
  CHECK(v.to_vector<float>() == std::vector<float>(64, 1000));
  CHECK(rows.value()[1].to_vector<float>() == std::vector<float>(8, 1000));
  CHECK(rows.value()[0].to_vector<float>() == std::vector<float>(8, 0));
}

TEST_CASE("a variable has the most used operations of a tensor", "[variable]") {
  Variable v(constant({{1.f, 2.f}, {3.f, 4.f}}));
  CHECK(v.sum().item<float>() == 10);
  CHECK(v.mean(0).to_vector<float>() == std::vector<float>{2, 3});
  CHECK(v.max().item<float>() == 4);
  CHECK(v.argmax(1).to_vector<int>() == std::vector{1, 1});
  CHECK(v[0].to_vector<float>() == std::vector<float>{1, 2});
  CHECK(v[constant({1})].shape() == Shape{1, 2});
  CHECK(v(all_of, 1).to_vector<float>() == std::vector<float>{2, 4});
  CHECK(v.reshape({4}).shape() == Shape{4});
  CHECK(v.transpose()[0].to_vector<float>() == std::vector<float>{1, 3});
  GradientTape tape;
  Tensor y = v.sum();
  CHECK(tape.gradient(y, v).to_vector<float>() == std::vector<float>{1, 1, 1, 1});
}

TEST_CASE("+= and -= change the variable for all who hold it", "[variable]") {
  Variable v(constant({1.f, 2.f})), also = v;
  const Tensor before = v;
  v -= 1.f;
  v += constant({10.f, 20.f});
  CHECK(also.to_vector<float>() == std::vector<float>{10, 21});
  CHECK(before.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(v.is(also));
}
