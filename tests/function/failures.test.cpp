// Errors of replays: what fails by the values or the sizes of a call has the eager text and the user's line of the trace,
// wherever the operation has gone.
#include <functional>

#include "catch.h"
#include "errors.h"
#include "keen/keen.h"

using namespace keen;
using test::error_of, test::traced_at;

namespace {

using Call = std::function<Tensor(const Tensor& x, const Tensor& at)>;
struct Raising {
  const char* name;
  unsigned line;
  Call call;
};
// One call a line: the line is what is tested.
#define RAISING(...)                                                                                    \
  Raising {                                                                                             \
#__VA_ARGS__, __LINE__, [](const Tensor& x, const Tensor& at) { return sum(__VA_ARGS__) + sum(x); } \
  }

Variable table() {
  static Variable v(ones({3, 3}), {.name = "table"});
  return v;
}

const Tensor good = constant({0, 1}), bad = constant({0, 7});

// clang-format off: one call a line
std::vector<Raising> raising() {
  return {
      RAISING(gather(x, at)),
      RAISING(take(x, at)),
      RAISING(take(x, at, 1)),
      RAISING(x[at]),
      RAISING(take_along_axis(x(slice(0, 2)), expand_dims(at, 1), 1)),
      RAISING(one_hot(at, 3)),
      RAISING(scatter(at, x(slice(0, 2)), {3, 3})),
      RAISING(sparse_softmax_cross_entropy(at, x(slice(0, 2)))),
      RAISING(losses::sparse_categorical_crossentropy(at, x(slice(0, 2)))),
      RAISING(losses::sparse_categorical_crossentropy(at, x(slice(0, 2)), {.from_logits = true})),
      RAISING(check_numerics(log(cast(3 - at, float32)), "a logarithm")),
      RAISING(TensorArray::unstack(x).read(at[1])),
      RAISING(TensorArray::unstack(x).write(at[1], x[0]).stack()),
  };
}
// clang-format on

/// A good call traces, a bad one has the eager text and the line.
template <class F>
void check(const Raising& raising, const F& compiled) {
  const Tensor x = ones({3, 3});
  const std::string eager = error_of([&] { raising.call(x, bad); });
  CHECK_FALSE(eager.empty());
  compiled(x, good);
  for (int i = 0; i < 2; ++i) CHECK(error_of([&] { compiled(x, bad); }) == eager + traced_at(raising.line));
  CHECK_NOTHROW(compiled(x, good));
}

}  // namespace

TEST_CASE("an error of a replay has the eager text and the line of the trace", "[function][lines]") {
  for (const Raising& r : raising()) {
    INFO(r.name);
    auto f = function(r.call);
    check(r, f);
    const auto concrete = f.get_concrete_function(ones({3, 3}), good);
    check(r, [&](const Tensor& x, const Tensor& at) { return concrete(x, at); });
    auto open = function(r.call, {.input_signature = {TensorSpec({3, unknown}), TensorSpec({2}, int32)}});
    check(r, open);
  }
}

TEST_CASE("an error of a replay under a tape has the line", "[function][lines]") {
  for (const Raising& r : raising()) {
    INFO(r.name);
    auto f = function(r.call);
    check(r, [&](const Tensor& x, const Tensor& at) {
      GradientTape tape;
      tape.watch(x);
      return tape.gradient(f(x, at), x);
    });
    check(r, function([&](const Tensor& x, const Tensor& at) {
            GradientTape tape;
            tape.watch(x);
            const Tensor y = r.call(x, at);
            return y + tape.gradient(y, x, {.unconnected = Unconnected::zero});
          }));
  }
}

TEST_CASE("an error inside branches and loops of a replay has the line, once", "[function][lines]") {
  for (const Raising& r : raising()) {
    INFO(r.name);
    check(r, function([&](const Tensor& x, const Tensor& at) {
            return cond(
                at[0] == 0, [&] { return r.call(x, at); }, [&] { return sum(x); });
          }));
    check(r, function([&](const Tensor& x, const Tensor& at) {
            Tensor total = zeros({});
            for ([[maybe_unused]] Tensor t : range(2, carry(total)))
              total = while_loop(
                  [](const Tensor& s) { return s < 1.f; }, [&](const Tensor& s) { return s + 1.f + r.call(x, at); },
                  total);
            return total;
          }));
    check(r, function([&](const Tensor& x, const Tensor& at) {
            return map_fn([&](const Tensor& row) { return r.call(x + row, at); }, x);
          }));
  }
}

TEST_CASE(
    "an error behind a decision of the host has the line, also where equal segments stand elsewhere",
    "[function][lines][host]") {
  for (const Raising& r : raising()) {
    INFO(r.name);
    check(r, function([&](const Tensor& x, const Tensor& at) {
            if (sum(x) > 1.f) return r.call(x, at);
            return sum(x);
          }));
  }
  const auto twice = [](const Tensor& x, const Tensor& first, const Tensor& second) {
    Tensor y = x;
    if (first[0] == 0) y = gather(y, first);
    if (second[0] == 0) y = gather(y, second);
    return y;
  };
  const unsigned line = __LINE__ - 4;
  auto f = function(twice);
  f(ones({3}), good, good);
  CHECK(error_of([&] { f(ones({3}), bad, good); }).ends_with(traced_at(line)));
  CHECK(error_of([&] { f(ones({3}), good, bad); }).ends_with(traced_at(line + 1)));
}

TEST_CASE("an error of a call that has gone on eagerly is the eager one", "[function][lines][host]") {
  const auto early = [](const Tensor& x, const Tensor& at) {
    const Tensor y = gather(x, at);
    return y * sum(x).item<float>();
  };
  const unsigned line = __LINE__ - 3;
  const auto late = [](const Tensor& x, const Tensor& at) {
    const float total = sum(x).item<float>();
    return gather(x, at) * total;
  };
  set_log_level(LogLevel::off);
  const std::string eager = error_of([&] { early(ones({3}), bad); });
  CHECK(error_of([&] { function(early)(ones({3}), bad); }) == eager + traced_at(line));
  CHECK(error_of([&] { function(late)(ones({3}), bad); }) == eager);
  auto known = function(late);
  known(ones({3}), good);
  CHECK(error_of([&] { known(ones({3}), bad); }) == eager);
  set_log_level(LogLevel::warning);
}

TEST_CASE("effects that fail in a replay have the line", "[function][lines]") {
  const std::vector<Raising> effects{
      {"assert_true", __LINE__ + 2,
       [](const Tensor&, const Tensor& at) {
         assert_true(at < 3, "an index is too large");
         return at;
       }},
      {"scatter_add", __LINE__ + 2,
       [](const Tensor& x, const Tensor& at) {
         table().scatter_add(at, x(slice(0, 2)));
         return x;
       }},
  };
  for (const Raising& r : effects) {
    INFO(r.name);
    const float before = table()[0][0].item<float>();
    check(r, function(r.call));
    check(r, function([&](const Tensor& x, const Tensor& at) {
            for (Tensor s = zeros({}); [[maybe_unused]] Tensor t : range(1, carry(s))) {
              r.call(x, at);
              s = s + 1.f;
            }
            return x;
          }));
    CHECK(table()[0][0].item<float>() == before + (&r == &effects[1] ? 4.f : 0.f));
  }
}

TEST_CASE("sizes that turn out not to fit have the eager text and the line", "[function][lines][sizes]") {
  const auto rows = TensorSpec({unknown, 3}), other = TensorSpec({unknown, 3});
  const Tensor x = ones({2, 3}), y = ones({4, 3});
  const auto misfits = [&](const auto& f, unsigned line) {
    auto open = function(f, {.input_signature = {rows, other}});
    open(x, x);
    const std::string eager = error_of([&] { f(x, y); });
    CHECK_FALSE(eager.empty());
    CHECK(error_of([&] { open(x, y); }) == eager + traced_at(line));
    GradientTape tape;
    tape.watch(x);
    CHECK(error_of([&] { open(x, y); }) == eager + traced_at(line));
  };
  misfits([](const Tensor& a, const Tensor& b) { return a + b; }, __LINE__);
  misfits([](const Tensor& a, const Tensor& b) { return clip(a, b, 3); }, __LINE__);
  misfits([](const Tensor& a, const Tensor& b) { return matmul(a, b, {.transpose_a = true}); }, __LINE__);
  misfits(
      [](const Tensor& a, const Tensor& b) {
        return cond(
            sum(a) > 0, [&] { return sum(a * b); }, [&] { return sum(a); });
      },
      __LINE__ - 2);
}
