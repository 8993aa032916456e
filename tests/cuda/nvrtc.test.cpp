// Generated CUDA kernels, compiled by the real NVRTC; no GPU is needed.
#include "cuda/nvrtc.h"

#include "catch.h"
#include "cuda/source.h"
#include "keen/error.h"

using namespace keen;
using namespace keen::detail;
using fusion::Access;
using fusion::Kernel;
using F = scalar::Function;

namespace {

bool has_nvrtc() {
  if (cuda::Nvrtc::why_not().empty()) return true;
  WARN("skipped: " << cuda::Nvrtc::why_not());
  return false;
}

void compiles(const Kernel& kernel, const cuda::Form& form, const char* architecture = "sm_90") {
  const std::string source = cuda::source(kernel, form);
  INFO(source);
  const auto cubin = cuda::Nvrtc::get().compile(source, architecture);
  REQUIRE(cubin.size() > 4);
  CHECK(std::string(cubin.data() + 1, 3) == "ELF");
}

/// exp(a)·tanh(b) and its sums along rows.
Kernel four_operations(Access b = Access::contiguous) {
  Kernel kernel;
  const int x = kernel.input(float32), y = kernel.input(float32, b);
  const int product = kernel.apply(F::multiply, kernel.apply(F::exp, x), kernel.apply(F::tanh, y));
  kernel.store(product);
  kernel.store(kernel.reduce(F::add, product));
  kernel.check();
  return kernel;
}

bool takes(F function, DType dtype) {
  const std::string types[] = {
#define KEEN_UNARY(name, types, cost, body) #types,
#define KEEN_BINARY(name, types, cost, body) #types,
#define KEEN_PREDICATE(name, types, cost, body) #types,
#define KEEN_COMPARISON(name, types, cost, body) #types,
#include "scalar/functions.def"
  };
  const std::string& type = types[static_cast<int>(function)];
  if (dtype == DType::bool_) return type == "any" || type == "boolean";
  return type == "any" || type == "numeric" || (type == "floating" && is_floating(dtype));
}

}  // namespace

TEST_CASE("exp, tanh, mul and sum compile in one CUDA kernel for every architecture", "[cuda]") {
  if (!has_nvrtc()) return;
  const Kernel kernel = four_operations();
  const auto form = cuda::form_of(kernel, 1, true, false);
  CHECK(form.rows);
  for (const char* architecture : {"sm_80", "sm_90", "sm_100"}) compiles(kernel, form, architecture);
}

TEST_CASE("elementwise CUDA kernels load 16 bytes where operands are contiguous", "[cuda]") {
  Kernel kernel;
  const int x = kernel.input(float32), y = kernel.input(float32, Access::broadcast);
  kernel.store(kernel.apply(F::tanh, kernel.apply(F::multiply, x, y)));
  const auto form = cuda::form_of(kernel, 0, true, false);
  CHECK(form.vectors);
  CHECK(cuda::source(kernel, form).find("Pack<float, 4>") != std::string::npos);
  CHECK_FALSE(cuda::form_of(kernel, 0, false, false).vectors);
  CHECK_FALSE(cuda::form_of(kernel, 2, true, false).vectors);
  if (!has_nvrtc()) return;
  compiles(kernel, form);
  compiles(kernel, cuda::form_of(kernel, 0, false, false));
  compiles(kernel, cuda::form_of(kernel, 2, true, true));
}

TEST_CASE("a softmax over rows compiles as one CUDA kernel of three passes", "[cuda]") {
  if (!has_nvrtc()) return;
  Kernel kernel;
  const int x = kernel.input(float32);
  const int shifted = kernel.apply(F::exp, kernel.apply(F::subtract, x, kernel.reduce(F::maximum, x)));
  kernel.store(kernel.apply(F::divide, shifted, kernel.reduce(F::add, shifted)));
  CHECK(fusion::analyse(kernel).passes == 3);
  compiles(kernel, cuda::form_of(kernel, 1, true, false));
}

TEST_CASE("both halves of a split reduction compile for CUDA", "[cuda]") {
  if (!has_nvrtc()) return;
  Kernel kernel;
  const int x = kernel.input(float64), scale = kernel.input(float64, Access::broadcast);
  kernel.store(kernel.apply(F::multiply, kernel.reduce(F::add, kernel.apply(F::square, x)), scale));
  const auto split = fusion::split_reduction(kernel);
  REQUIRE(split.possible);
  compiles(split.partial, cuda::form_of(split.partial, 1, true, true));
  compiles(split.finish, cuda::form_of(split.finish, 0, true, true));
}

TEST_CASE("every scalar function compiles for CUDA in every dtype it takes", "[cuda]") {
  if (!has_nvrtc()) return;
  for (int d = 0; d < dtype_count; ++d) {
    const auto dtype = static_cast<DType>(d);
    if (dtype != DType::bool_ && !is_integer(dtype) && dtype != float32 && dtype != float64) continue;
    Kernel kernel;
    const int a = kernel.input(dtype), b = kernel.input(dtype);
    for (int f = 0; f < scalar::function_count; ++f) {
      const auto function = static_cast<F>(f);
      if (!takes(function, dtype)) continue;
      const auto form = fusion::kind(function);
      const bool unary = form == scalar::Kind::unary || form == scalar::Kind::predicate;
      kernel.store(kernel.apply(function, a, unary ? -1 : b));
    }
    kernel.check();
    INFO(name(dtype));
    compiles(kernel, cuda::form_of(kernel, 0, true, false));
  }
}

TEST_CASE("source that does not compile gives NVRTC's log", "[cuda]") {
  if (!has_nvrtc()) return;
  CHECK_THROWS_AS(cuda::Nvrtc::get().compile("this is no kernel", "sm_90"), InternalError);
}
