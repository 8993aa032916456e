// The eager fast path in loops for callgrind, each in a function of its own that instructions.py looks for.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "keen/autodiff/gradient_tape.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/reduce.h"
#include "keen/random.h"

namespace {

using namespace keen;

constexpr int turns = 1000;

[[gnu::noinline]] void measured_add16(const Tensor& a, const Tensor& b) {
  for (int i = 0; i < turns; ++i) Tensor c = a + b;
}

[[gnu::noinline]] void measured_add16_scalar(const Tensor& a, const Tensor&) {
  for (int i = 0; i < turns; ++i) Tensor c = a + 2.f;
}

[[gnu::noinline]] void measured_add16_grad(const Tensor& a, const Tensor& b) {
  GradientTape tape;
  tape.watch(a);
  for (int i = 0; i < turns; ++i) Tensor c = a + b;
}

[[gnu::noinline]] void measured_chain_fwdbwd(const Tensor& a, const Tensor& b) {
  GradientTape tape;
  tape.watch(b);
  Tensor y = a;
  for (int i = 0; i < turns; ++i) y = y * b;
  Tensor gradient = tape.gradient(sum(y), b);
}

[[gnu::noinline]] void measured_series(const Tensor&, const Tensor&) {
  Tensor r = constant(0.f);
  for (int i = 0; i < turns; ++i) r = r + pow(constant(2.f), -1);
}

[[gnu::noinline]] void measured_matmul4(const Tensor& a, const Tensor& b) {
  for (int i = 0; i < turns; ++i) Tensor c = matmul(a, b);
}

[[gnu::noinline]] void measured_reshape(const Tensor& a, const Tensor&) {
  for (int i = 0; i < turns; ++i) Tensor c = a.reshape({2, 8});
}

[[gnu::noinline]] void measured_dot16(const Tensor& a, const Tensor& b) {
  const Tensor row = a.reshape({1, 16}), column = b.reshape({16, 1});
  for (int i = 0; i < turns; ++i) Tensor c = matmul(row, column);
}

struct Measured {
  const char* name;
  void (*run)(const Tensor&, const Tensor&);
  bool square;
};
constexpr Measured loops[] = {
    {"add16", measured_add16, false},           {"add16_scalar", measured_add16_scalar, false},
    {"add16_grad", measured_add16_grad, false}, {"chain_fwdbwd", measured_chain_fwdbwd, false},
    {"series", measured_series, false},         {"matmul4", measured_matmul4, true},
    {"reshape", measured_reshape, false},       {"dot16", measured_dot16, false},
};

}  // namespace

/// `fast_path NAME RUNS` runs a loop; without arguments the loops are listed with their turns.
int main(int argc, char** argv) {
  set_num_threads(1);
  for (const Measured& m : loops) {
    if (argc < 3) std::printf("%s %d\n", m.name, turns);
    else if (std::strcmp(argv[1], m.name) == 0) {
      const Shape shape = m.square ? Shape({4, 4}) : Shape({16});
      const Tensor a = random::normal(shape), b = ones(shape);
      for (int run = 0; run < std::atoi(argv[2]); ++run) m.run(a, b);
    }
  }
}
