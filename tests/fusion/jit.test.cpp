// Kernels compiled by LLVM: the bits of the eager operations, in every dtype and layout.
#include <cmath>
#include <limits>

#include "core/dispatch.h"
#include "cpu/kernels.h"
#include "fused.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"

using namespace keen;
using namespace keen::test;
using detail::Op;

namespace {

/// exp(a)·tanh(b) and its sum along a row.
Kernel four_operations(DType dtype) {
  Kernel kernel;
  const int a = kernel.input(dtype), b = kernel.input(dtype);
  const int product = kernel.apply(F::multiply, kernel.apply(F::exp, a), kernel.apply(F::tanh, b));
  kernel.store(product);
  kernel.store(kernel.reduce(F::add, product));
  return kernel;
}

void check_four_operations(const Tensor& a, const Tensor& b, const Shape& space) {
  const auto stored = run_fused(four_operations(a.dtype()), space, 1, {a, b});
  const Tensor product = exp(a) * tanh(b);
  INFO("shapes " << a.shape() << " and " << b.shape());
  CHECK(same_bits(stored[0], product));
  const double tolerance = a.dtype() == float32 ? 1e-5 : 1e-13;
  CHECK(allclose(stored[1], sum(product, -1, true), tolerance, tolerance));
}

const Op* op_of(F function) {
  for (const Op* op : detail::all_ops())
    if (op->scalar == function) return op;
  return nullptr;
}

/// Numbers of a dtype: small ones, large ones, the edges of the type, for floats infinities and NaN.
Tensor awkward(DType dtype, std::int64_t n, std::uint64_t seed) {
  if (dtype == bool_) return random::integers(0, 2, {n}, {.seed = seed}).cast(bool_);
  if (is_integer(dtype)) {
    Tensor small = random::integers(-9, 10, {n - n / 4}, {.seed = seed});
    Tensor any = random::integers(
        std::numeric_limits<std::int64_t>::min() / 2, std::numeric_limits<std::int64_t>::max() / 2, {n / 4},
        {.seed = seed + 1});
    return concat({small, any * 2}).cast(dtype);
  }
  const double inf = std::numeric_limits<double>::infinity();
  Tensor edges =
      constant(std::vector<double>{0.0, -0.0, inf, -inf, std::nan(""), 1, -1, 0.5, 1e-310, 1e-40, 1e300, -1e300});
  Tensor small = random::normal({n / 2}, {.stddev = 3, .dtype = float64, .seed = seed});
  Tensor wide = exp(random::normal({n - n / 2 - 12}, {.stddev = 30, .dtype = float64, .seed = seed + 1}));
  return concat({edges, small, wide}).cast(dtype);
}

}  // namespace

TEST_CASE("exp, tanh, mul and sum in one LLVM kernel equal the eager operations", "[fusion][jit]") {
  if (!has_jit()) return;
  for (DType dtype : {float32, float64})
    for (std::int64_t n : {1, 3, 7, 8, 15, 16, 17, 31, 33, 100, 1024, 4099}) {
      const Tensor a = random::normal({5, n}, {.dtype = dtype, .seed = 1}),
                   b = random::normal({5, n}, {.dtype = dtype, .seed = 2});
      check_four_operations(a, b, {5, n});
    }
}

TEST_CASE("a fused kernel reads transposed, strided and broadcast inputs", "[fusion][jit]") {
  if (!has_jit()) return;
  const Tensor x = random::normal({37, 53}, {.seed = 1}), y = random::normal({53, 37}, {.seed = 2});
  check_four_operations(x, transpose(y), {37, 53});
  check_four_operations(x, y(slice({}, 1), all_of).reshape({37}).expand_dims(1), {37, 53});
  check_four_operations(x, random::normal({53}, {.seed = 3}), {37, 53});
  check_four_operations(x, random::normal({}, {.seed = 4}), {37, 53});
  const Tensor wide = random::normal({37, 106}, {.seed = 5});
  check_four_operations(x, wide(all_of, slice({}, {}, 2)), {37, 53});
  check_four_operations(x, wide(slice({}, {}, -1), slice(0, 53)), {37, 53});
  check_four_operations(random::normal({4, 1, 9}, {.seed = 6}), random::normal({6, 9}, {.seed = 7}), {4, 6, 9});
}

TEST_CASE("every scalar function gives the eager bits in every dtype it takes", "[fusion][jit]") {
  if (!has_jit()) return;
  for (int d = 0; d < dtype_count; ++d) {
    const auto dtype = static_cast<DType>(d);
    Kernel kernel;
    const int a = kernel.input(dtype), b = kernel.input(dtype);
    std::vector<const Op*> ops;
    for (int f = 0; f < scalar::function_count; ++f) {
      const Op* op = op_of(static_cast<F>(f));
      if (!op || !(op->dtypes & detail::bit(dtype))) continue;
      ops.push_back(op);
      kernel.store(kernel.apply(op->scalar, a, op->arity == 2 ? b : -1));
    }
    if (ops.empty()) continue;
    const Tensor x = awkward(dtype, 1003, 1),
                 y = flip(awkward(dtype, 1003, 3)).contiguous();  // so that NaN meets numbers
    const auto stored = run_fused(kernel, {1003}, 0, {x, y});
    for (std::size_t i = 0; i < ops.size(); ++i) {
      std::vector<Operand> operands;
      operands.emplace_back(x);
      if (ops[i]->arity == 2) operands.emplace_back(y);
      INFO(ops[i]->name << " of " << name(dtype));
      CHECK(same_bits(stored[i], detail::dispatch(*ops[i], operands)));
    }
  }
}

TEST_CASE("casts in a fused kernel convert as eager casts do", "[fusion][jit]") {
  if (!has_jit()) return;
  for (int from = 0; from < dtype_count; ++from) {
    if (is_complex(static_cast<DType>(from))) continue;
    const bool narrow = static_cast<DType>(from) == float16 || static_cast<DType>(from) == bfloat16;
    const Tensor x =
        narrow ? awkward(float32, 301, 1).cast(static_cast<DType>(from)) : awkward(static_cast<DType>(from), 301, 1);
    Kernel kernel;
    const int in = kernel.input(static_cast<DType>(from));
    std::vector<DType> targets;
    for (int to = 0; to < dtype_count; ++to) {
      if (is_complex(static_cast<DType>(to)) || to == from) continue;
      targets.push_back(static_cast<DType>(to));
      kernel.store(kernel.cast(in, targets.back()));
    }
    const auto stored = run_fused(kernel, {301}, 0, {x});
    for (std::size_t i = 0; i < targets.size(); ++i) {
      INFO(name(static_cast<DType>(from)) << " to " << name(targets[i]));
      CHECK(same_bits(stored[i], x.cast(targets[i])));
    }
  }
}

TEST_CASE("constants, selects and comparisons fuse", "[fusion][jit]") {
  if (!has_jit()) return;
  Kernel kernel;
  const int x = kernel.input(float32), count = kernel.input(int8);
  const int zero = kernel.constant(float32, 0), half = kernel.constant(float32, 0.5);
  const int positive = kernel.apply(F::greater, x, zero);
  kernel.store(kernel.select(positive, x, kernel.apply(F::multiply, x, half)));
  kernel.store(positive);
  kernel.store(
      kernel.apply(F::add, x, kernel.cast(kernel.apply(F::multiply, count, kernel.constant(int8, 3)), float32)));
  const Tensor a = awkward(float32, 205, 1), n = awkward(int8, 205, 2);
  const auto stored = run_fused(kernel, {205}, 0, {a, n});
  CHECK(same_bits(stored[0], where(a > 0, a, a * 0.5f)));
  CHECK(same_bits(stored[1], a > 0));
  CHECK(same_bits(stored[2], a + (n * 3).cast(float32)));
}

TEST_CASE("rows reduce by sum, product, maximum and minimum, with what follows", "[fusion][jit]") {
  if (!has_jit()) return;
  for (std::int64_t n : {1, 9, 64, 1000, 5000, 131072, 300001}) {
    const Tensor x = random::normal({3, n}, {.mean = 1, .stddev = 0.001, .dtype = float64, .seed = 9});
    Kernel kernel;
    const int in = kernel.input(float64);
    const int total = kernel.reduce(F::add, in);
    kernel.store(kernel.apply(F::sqrt, total));
    kernel.store(kernel.reduce(F::multiply, in));
    kernel.store(kernel.reduce(F::maximum, in));
    kernel.store(kernel.reduce(F::minimum, in));
    const auto stored = run_fused(kernel, {3, n}, 1, {x});
    CHECK(allclose(stored[0], sqrt(sum(x, 1, true)), 1e-12, 0));
    CHECK(allclose(stored[1], prod(x, 1, true), 1e-8, 0));
    CHECK(same_bits(stored[2], max(x, 1, true)));
    CHECK(same_bits(stored[3], min(x, 1, true)));
  }
}

TEST_CASE("integer rows sum exactly, and a maximum keeps NaN", "[fusion][jit]") {
  if (!has_jit()) return;
  Kernel total;
  total.store(total.reduce(F::add, total.cast(total.input(int16), int64)));
  const Tensor x = random::integers(-30000, 30000, {4, 777}, {.dtype = int16, .seed = 1});
  CHECK(same_bits(run_fused(total, {4, 777}, 1, {x})[0], sum(x, 1, true)));
  Kernel top;
  top.store(top.reduce(F::maximum, top.input(float32)));
  Tensor with_nan = set(zeros({100}), {40}, constant(std::nan("")));
  CHECK(std::isnan(run_fused(top, {100}, 1, {with_nan})[0].item<float>()));
}

TEST_CASE("softmax from primitives is one kernel of three passes", "[fusion][jit]") {
  if (!has_jit()) return;
  Kernel kernel;
  const int x = kernel.input(float32);
  const int e = kernel.apply(F::exp, kernel.apply(F::subtract, x, kernel.reduce(F::maximum, x)));
  kernel.store(kernel.apply(F::divide, e, kernel.reduce(F::add, e)));
  for (std::int64_t n : {1, 10, 1000}) {
    const Tensor a = random::normal({33, n}, {.stddev = 10, .seed = 1});
    const Tensor shifted = exp(a - max(a, 1, true));
    CHECK(allclose(run_fused(kernel, {33, n}, 1, {a})[0], shifted / sum(shifted, 1, true), 1e-6, 1e-9));
  }
}

TEST_CASE("kept values have the bits of values computed again, in rows of every length", "[fusion][jit]") {
  if (!has_jit()) return;
  Kernel kernel;
  const int x = kernel.input(float32), y = kernel.input(float64);
  const int e = kernel.apply(F::exp, x), t = kernel.apply(F::tanh, kernel.apply(F::sin, y));
  kernel.store(kernel.apply(F::add, e, kernel.reduce(F::maximum, e)));
  kernel.store(kernel.apply(F::add, t, kernel.reduce(F::minimum, t)));
  CHECK(with_kept_values(kernel).kept().size() == 2);
  for (std::int64_t n : {1, 7, 8, 9, 15, 17, 63, 64, 65, 1000, 20000, 40000}) {  // the last two fill no cache
    const Tensor a = random::normal({5, n}, {.seed = 1}), b = random::normal({5, n}, {.dtype = float64, .seed = 2});
    const auto stored = run_fused(kernel, {5, n}, 1, {a, b});
    INFO("rows of " << n);
    CHECK(same_bits(stored[0], exp(a) + max(exp(a), 1, true)));
    CHECK(same_bits(stored[1], tanh(sin(b)) + min(tanh(sin(b)), 1, true)));
  }
}

TEST_CASE("reductions with several chains take every element once", "[fusion][jit]") {
  if (!has_jit()) return;
  for (DType dtype : {int32, int64, float64, bool_})
    for (std::int64_t n : {1, 15, 16, 31, 63, 64, 65, 127, 129, 4095, 4097}) {
      Kernel kernel;
      const int x = kernel.input(dtype);
      kernel.store(kernel.reduce(F::add, kernel.cast(x, int64)));
      kernel.store(kernel.reduce(F::maximum, x));
      const Tensor a = random::integers(0, 2, {3, n}, {.seed = 4}).cast(dtype);
      const auto stored = run_fused(kernel, {3, n}, 1, {a});
      INFO(name(dtype) << " rows of " << n);
      CHECK(same_bits(stored[0], sum(a.cast(int64), 1, true)));
      CHECK(same_bits(stored[1], max(a, 1, true)));
    }
}

TEST_CASE("sums do not depend on the number of threads", "[fusion][jit]") {
  if (!has_jit()) return;
  Kernel kernel;
  kernel.store(kernel.reduce(F::add, kernel.apply(F::exp, kernel.input(float32))));
  const Tensor x = random::normal({700003}, {.seed = 1});
  const int before = num_threads();
  std::vector<Tensor> results;
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    results.push_back(run_fused(kernel, {700003}, 1, {x})[0]);
  }
  set_num_threads(before);
  CHECK(same_bits(results[0], results[1]));
  CHECK(same_bits(results[0], results[2]));
}

TEST_CASE("empty and single elements work in fused kernels", "[fusion][jit]") {
  if (!has_jit()) return;
  check_four_operations(zeros({0, 4}), zeros({0, 4}), {0, 4});
  check_four_operations(zeros({4, 0}), zeros({4, 0}), {4, 0});
  Kernel biased;
  const int x = biased.input(float32);
  biased.store(biased.apply(F::add, x, biased.input(float32)));
  for (const Shape& space : {Shape{0, 3}, Shape{3, 0}, Shape{1, 3}})
    CHECK(same_bits(run_fused(biased, space, 0, {ones(space), ones({space[1]})})[0], full(space, 2.f)));
  Kernel kernel;
  kernel.store(kernel.apply(F::exp, kernel.input(float32)));
  CHECK(same_bits(run_fused(kernel, {}, 0, {constant(2.f)})[0], exp(constant(2.f))));
  CHECK(same_bits(run_fused(kernel, {3, 4}, 0, {constant(2.f)})[0], full({3, 4}, exp(constant(2.f)))));
}

TEST_CASE("outputs may take the place of inputs", "[fusion][jit]") {
  if (!has_jit()) return;
  const Tensor x = random::normal({1001}, {.seed = 1});
  Tensor place = x + 0;
  Kernel kernel;
  kernel.store(kernel.apply(F::tanh, kernel.input(float32)));
  void* addresses[] = {detail::impl(place).data, detail::impl(place).data};
  Launch(kernel, {1001}, 0, std::vector<detail::Shape>{{1}, {1}}).run(addresses);
  CHECK(same_bits(place, tanh(x)));
}

TEST_CASE("kernels that differ only in sizes share code", "[fusion][jit]") {
  if (!has_jit()) return;
  Kernel kernel;
  kernel.store(kernel.apply(F::add, kernel.apply(F::cos, kernel.input(float32)), kernel.constant(float32, 0.12345)));
  run_fused(kernel, {10}, 0, {ones({10})});
  const auto before = detail::fusion::jit_stats();
  run_fused(kernel, {10000}, 0, {ones({10000})});
  run_fused(kernel, {7, 9}, 0, {ones({7, 9})});
  const auto after = detail::fusion::jit_stats();
  CHECK(after.compilations == before.compilations);
  CHECK(after.hits == before.hits + 2);
}

TEST_CASE("code for older processors gives the same results", "[fusion][jit]") {
  if (!has_jit()) return;
  using detail::fusion::Isa;
  const Kernel kernel = four_operations(float32);
  const Tensor a = random::normal({1, 83}, {.seed = 1}), b = random::normal({1, 83}, {.seed = 2});
  for (Isa isa : {Isa::sse2, Isa::avx2, Isa::avx512}) {
    if (isa > detail::cpu::isa()) continue;
    Tensor product = zeros({1, 83}) + 0, total = zeros({1, 1}) + 0;
    const detail::fusion::CodeOperand operands[] = {
        {detail::impl(a).data, 0, 4},
        {detail::impl(b).data, 0, 4},
        {detail::impl(product).data, 0, 4},
        {detail::impl(total).data, 0, 4}};
    (*detail::fusion::compile_for(kernel, isa))(operands, 1, 83);
    CHECK(allclose(product, exp(a) * tanh(b), 1e-6, 1e-7));
    CHECK(allclose(total, sum(product, 1, true), 1e-5, 1e-6));
    for (std::int64_t n = 1; n < 83; n += 9) {
      Tensor part = zeros({1, 83}) + 0;
      const detail::fusion::CodeOperand shorter[] = {
          operands[0], operands[1], {detail::impl(part).data, 0, 4}, operands[3]};
      (*detail::fusion::compile_for(kernel, isa))(shorter, 1, n);
      CHECK(same_bits(part(all_of, slice(0, n)), product(all_of, slice(0, n))));
      CHECK(all(part(all_of, slice(n, {})) == 0).item<bool>());
    }
  }
}

TEST_CASE("rows that a register holds are worked on without passes, for every processor", "[fusion][jit]") {
  if (!has_jit()) return;
  using detail::fusion::Isa;
  Kernel kernel;
  const int x = kernel.input(float32), y = kernel.input(float32, Access::broadcast);
  const int e = kernel.apply(F::exp, kernel.apply(F::subtract, x, kernel.reduce(F::maximum, x)));
  kernel.store(kernel.apply(F::divide, e, kernel.reduce(F::add, e)));
  kernel.store(kernel.apply(F::add, y, kernel.reduce(F::multiply, x)));
  const std::int64_t rows = 5;
  for (const auto& [isa, most] :
       {std::pair{Isa::sse2, 4},
        {Isa::avx2, 4},
        {Isa::avx2, 8},
        {Isa::avx512, 4},
        {Isa::avx512, 8},
        {Isa::avx512, 16}}) {
    if (isa > detail::cpu::isa()) continue;
    kernel.limit_rows(most);
    const auto code = detail::fusion::compile_for(kernel, isa);
    for (std::int64_t n = 1; n <= most; ++n) {
      const Tensor a = random::normal({rows, n}, {.seed = 1}), bias = random::normal({rows, 1}, {.seed = 2});
      Tensor parts = zeros({rows, n + 16}) + 0, products = zeros({rows, 1}) + 0;
      const detail::fusion::CodeOperand operands[] = {
          {detail::impl(a).data, 4 * n, 4},
          {detail::impl(bias).data, 4, 0},
          {detail::impl(parts).data, 4 * (n + 16), 4},
          {detail::impl(products).data, 4, 0}};
      (*code)(operands, rows, n);
      const Tensor shifted = exp(a - max(a, 1, true));
      INFO("rows of " << n << ", instruction set " << static_cast<int>(isa));
      CHECK(allclose(parts(all_of, slice(0, n)), shifted / sum(shifted, 1, true), 1e-6, 1e-9));
      CHECK(all(parts(all_of, slice(n, {})) == 0).item<bool>());
      CHECK(allclose(products, bias + prod(a, 1, true), 1e-6, 1e-6));
    }
  }
}

TEST_CASE("damaged object code is refused", "[fusion][jit]") {
  using detail::fusion::ObjectCode;
  CHECK_THROWS_AS(ObjectCode("no object", "keen_kernel"), InternalError);
  CHECK_THROWS_AS(ObjectCode(std::string(4096, '\0'), "keen_kernel"), InternalError);
}

TEST_CASE("the IR of a kernel can be read", "[fusion][jit]") {
  if (!has_jit()) return;
  const std::string ir = detail::fusion::ir_text(four_operations(float32));
  CHECK(ir.find("define void @keen_kernel") != std::string::npos);
  CHECK(ir.find("call void @keen_") == std::string::npos);  // everything is inlined
}

TEST_CASE("a kernel's code does not depend on what was compiled before it", "[fusion][jit]") {
  if (!has_jit()) return;
  const std::string before = detail::fusion::ir_text(four_operations(float32));
  for (int i = 0; i < 20; ++i) {
    Kernel other;
    const int x = other.input(float32);
    other.store(other.apply(F::pow, x, other.constant(float32, 1.5 + i)));
    other.store(other.cast(other.apply(F::sin, x), i % 2 ? DType::int32 : DType::float16));
    detail::fusion::compile_for(other, detail::cpu::isa());
  }
  CHECK(detail::fusion::ir_text(four_operations(float32)) == before);
}
