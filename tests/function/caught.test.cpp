// Exceptions that the program itself catches while it is traced: the trace goes on as if what failed were not there.
#include <stdexcept>

#include "catch.h"
#include "errors.h"
#include "keen/keen.h"

using namespace keen;
using test::error_of;

namespace {

/// Compiled, f gives what it gives eagerly, at the first call and later ones.
template <class F>
void check_agrees(const F& f) {
  auto compiled = function(f);
  for (float v : {2.f, 3.f, 2.f}) CHECK(array_equal(compiled(full({2}, v)), f(full({2}, v))));
  CHECK(compiled.trace_count() == 1);
}

}  // namespace

TEST_CASE("a trace goes on behind an operation that fails and is caught", "[function][caught]") {
  check_agrees([](const Tensor& x) {
    Tensor y = x * 2;
    try {
      y = y + ones({3});
    } catch (const ShapeError&) {
      y = y + 1;
    }
    return y;
  });
}

TEST_CASE("a trace goes on behind a staged for whose body fails and is caught", "[function][caught]") {
  check_agrees([](const Tensor& x) {
    Tensor y = x, z = x + 1;
    try {
      for ([[maybe_unused]] Tensor t : range(3, carry(y, z))) {
        const Tensor product = z * 3;
        y = product + ones({3});
      }
    } catch (const ShapeError&) {
      z = z * 2;
    }
    for ([[maybe_unused]] Tensor t : range(2, carry(y))) y = y + z;
    return y;
  });
}

TEST_CASE("an exception leaves what a staged for carries as it was before", "[function][caught]") {
  auto f = function([](const Tensor& x) {
    std::vector<Tensor> all{x};
    TensorArray array(float32, 2);
    try {
      for (Tensor t : range(2, carry(all, array))) {
        all[0] = all[0] * 2;
        all.push_back(x);
        array = array.write(t, x);
        throw std::runtime_error("the program's own");
      }
    } catch (const std::runtime_error&) {
    }
    array = array.write(0, x).write(1, all[0]);
    return array.stack() + static_cast<float>(all.size());
  });
  CHECK(f(ones({2})).to_vector<float>() == std::vector{2.f, 2.f, 2.f, 2.f});
}

TEST_CASE("loops in loops that fail and are caught inside leave the outer one whole", "[function][caught]") {
  check_agrees([](const Tensor& x) {
    Tensor y = x;
    for (Tensor i : range(3, carry(y))) {
      try {
        for ([[maybe_unused]] Tensor j : range(2, carry(y)))
          y = while_loop([](const Tensor& s) { return sum(s) < 9; }, [](const Tensor& s) { return s + ones({7}); }, y);
      } catch (const ShapeError&) {
        y = y + cast(i, float32);
      }
    }
    return y;
  });
}

TEST_CASE("a trace goes on behind branches and loops whose bodies fail and are caught", "[function][caught]") {
  Variable v(1.f);
  check_agrees([&](const Tensor& x) {
    Tensor y = x * v;
    const auto add = [&](const Tensor& s) { return s + ones({3}); };
    const auto attempt = [&](auto&& run) {
      try {
        y = run();
      } catch (const Error&) {
        y = y + 1;
      }
    };
    attempt([&] {
      return cond(
          sum(x) > 0, [&] { return add(y); }, [&] { return add(y * v); });
    });
    attempt([&] { return while_loop([](const Tensor& s) { return sum(s) < 90; }, add, y); });
    attempt([&] { return map_fn([&](const Tensor& row) { return add(expand_dims(row, 0) + zeros({2})); }, y); });
    attempt([&] { return TensorArray(float32, 2).write(5, y).stack(); });
    GradientTape tape;
    tape.watch(y);
    return tape.gradient(y * y * v, y);
  });
}

TEST_CASE("leaving a staged for by return is still an error", "[function][caught]") {
  auto f = function([](const Tensor& x) {
    Tensor y = x;
    for (Tensor t : range(3, carry(y))) {
      y = y + 1;
      if (t.dtype() == int64) return y;
    }
    return y;
  });
  CHECK(error_of([&] { f(0.f); }).find("left by break or return") != std::string::npos);
}

TEST_CASE("an error of a decision's segment cannot be caught and gone on from", "[function][caught][host]") {
  auto f = function([](const Tensor& x) {
    const Tensor y = check_numerics(log(x), "a logarithm");
    try {
      if (y > 0) return y;
    } catch (const Error&) {
    }
    return x;
  });
  CHECK(error_of([&] { f(-1.f); }).find("was caught there") != std::string::npos);
  CHECK(f(2.f).item<float>() > 0.69f);
}
