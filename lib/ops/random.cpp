// Random draws: descriptions, and the public functions.
#include "keen/random.h"

#include <cmath>

#include "core/context.h"
#include "core/numbers.h"
#include "ops/helpers.h"
#include "random/draw_log.h"
#include "random/draws.h"
#include "random/generator.h"
#include "random/philox.h"

namespace keen {
namespace detail {
namespace {

// Every draw starts with the stream's key and position; the last attribute is the generator they came from (none for a
// draw with its own seed), from which a replayed trace draws anew.
constexpr AttributeSpec real_pair[] = {{"key", AttributeKind::integer},       {"position", AttributeKind::integer},
                                       {"low", AttributeKind::real},          {"high", AttributeKind::real},
                                       {"dtype", AttributeKind::dtype},       {"shape", AttributeKind::shape},
                                       {"generator", AttributeKind::resource}};
constexpr AttributeSpec normal_pair[] = {{"key", AttributeKind::integer},       {"position", AttributeKind::integer},
                                         {"mean", AttributeKind::real},         {"stddev", AttributeKind::real},
                                         {"dtype", AttributeKind::dtype},       {"shape", AttributeKind::shape},
                                         {"generator", AttributeKind::resource}};
constexpr AttributeSpec integer_pair[] = {{"key", AttributeKind::integer},       {"position", AttributeKind::integer},
                                          {"low", AttributeKind::integer},       {"high", AttributeKind::integer},
                                          {"dtype", AttributeKind::dtype},       {"shape", AttributeKind::shape},
                                          {"generator", AttributeKind::resource}};

void draw_rule(Inference& in) {
  DType d = dtype(in.attributes[4]);
  const Shape& shape = ints(in.attributes[5]);
  check_size(in.op.name, shape);
  in.results[0] = {d, shape};
}

}  // namespace

KEEN_OP(random_uniform){
    .name = "random_uniform",
    .arity = 0,
    .attributes = real_pair,
    .infer = draw_rule,
    .cpu = cpu::random_uniform,
    .differentiable = Differentiable::no,
    .random = true,
    .formula = "uniform in [low, high)"};
KEEN_OP(random_normal){
    .name = "random_normal",
    .arity = 0,
    .attributes = normal_pair,
    .infer = draw_rule,
    .cpu = cpu::random_normal,
    .differentiable = Differentiable::no,
    .random = true,
    .formula = "normal(mean, stddev)"};
KEEN_OP(random_truncated_normal){
    .name = "random_truncated_normal",
    .arity = 0,
    .attributes = normal_pair,
    .infer = draw_rule,
    .cpu = cpu::random_truncated_normal,
    .differentiable = Differentiable::no,
    .random = true,
    .formula = "normal(mean, stddev) within two stddev"};
KEEN_OP(random_integers){
    .name = "random_integers",
    .arity = 0,
    .attributes = integer_pair,
    .infer = draw_rule,
    .cpu = cpu::random_integers,
    .differentiable = Differentiable::no,
    .random = true,
    .formula = "integers in [low, high)"};
KEEN_OP(random_permutation){
    .name = "random_permutation",
    .arity = 0,
    .attributes = integer_pair,
    .infer = draw_rule,
    .cpu = cpu::random_permutation,
    .differentiable = Differentiable::no,
    .random = true,
    .formula = "0 ... n-1 shuffled"};

namespace {

template <class Options, class Number>
Tensor draw(
    const Op& op, const Shape& shape, const Options& options, Number a, Number b, DType dtype, DTypeSet allowed) {
  if (!(allowed & bit(dtype))) fail<DTypeError>(op.name, name(dtype), " cannot be drawn: draw another dtype and cast");
  check_size(op.name, shape);
  if (options.seed && options.generator)
    fail<UsageError>(op.name, "both a seed and a generator are given: the numbers come from one of them");
  std::optional<DeviceScope> scope;
  if (options.device) scope.emplace(*options.device);
  std::uint64_t key = 0, position = 0, blocks = 0;
  std::shared_ptr<GeneratorState> stream;
  if (options.seed) {
    key = *options.seed;
  } else {
    if (Tensor before = DrawScope::repeated(shape, dtype); before.defined()) {
      DrawScope::note(before);
      return before;
    }
    stream = (options.generator ? *options.generator : default_generator()).state();
    key = stream->seed;
    // A trace takes nothing from the stream: each replay does.
    if (!thread_context.interpreter) {
      blocks = blocks_for(op, dtype, shape.num_elements());
      const Interpreter* maker = thread_context.maker;
      const std::uint64_t before = maker ? maker->waiting_draws(*stream) : 0;
      position = before ? reserve_behind(*stream, before, blocks) : reserve(*stream, blocks);
    }
  }
  Tensor drawn;
  try {
    const std::shared_ptr<void> generator = stream;
    drawn =
        run(op, {static_cast<std::int64_t>(key), static_cast<std::int64_t>(position), a, b, dtype, shape, generator});
  } catch (...) {
    if (blocks) give_back(*stream, position, blocks);
    throw;
  }
  if (stream) DrawScope::note(drawn);
  if (blocks) DrawLog::note(stream, position, blocks);
  return drawn;
}

void check_finite(const Op& op, const char* what, double value, DType dtype) {
  if (!std::isfinite(dtype == DType::float32 ? static_cast<float>(value) : value))
    fail<UsageError>(op.name, what, " = ", value, " is not a finite ", name(dtype));
}

Tensor draw_normal(const Op& op, const Shape& shape, const NormalOptions& o) {
  const DType dtype = o.dtype.value_or(float32);
  check_finite(op, "mean", o.mean, dtype);
  check_finite(op, "stddev", o.stddev, dtype);
  if (o.stddev < 0) fail<UsageError>(op.name, "stddev ", o.stddev, " is negative: 0 or more is needed");
  return draw(op, shape, o, o.mean, o.stddev, dtype, floats);
}

}  // namespace
}  // namespace detail

using namespace detail;

namespace random {

Tensor normal(const keen::Shape& shape, const NormalOptions& o, Where where) {
  note_line(where);
  return in_the_name_of("normal", [&] { return draw_normal(random_normal_op, shape, o); });
}
Tensor truncated_normal(const keen::Shape& shape, const NormalOptions& o, Where where) {
  note_line(where);
  return in_the_name_of("truncated_normal", [&] { return draw_normal(random_truncated_normal_op, shape, o); });
}
Tensor uniform(const keen::Shape& shape, const UniformOptions& o, Where where) {
  note_line(where);
  const Op& op = random_uniform_op;
  const DType dtype = o.dtype.value_or(float32);
  return in_the_name_of("uniform", [&] {
    if (!(o.low <= o.high)) fail<UsageError>(op.name, "low ", o.low, " is not below high ", o.high);
    check_finite(op, "low", o.low, dtype);
    check_finite(op, "high", o.high, dtype);
    check_finite(op, "high - low", o.high - o.low, dtype);
    return draw(op, shape, o, o.low, o.high, dtype, floats);
  });
}
Tensor integers(std::int64_t low, std::int64_t high, const keen::Shape& shape, const RandomOptions& o, Where where) {
  note_line(where);
  const Op& op = random_integers_op;
  if (low >= high)
    fail<UsageError>(
        "integers", "no integer lies in [", low, ", ", high, "): high, which is never drawn, must be above low");
  return in_the_name_of("integers", [&] {
    const DType d = o.dtype.value_or(int64);
    for (const std::int64_t end : {low, high - 1}) check_holds(op.name, end, d);
    return draw(op, shape, o, low, high, d, detail::integers);
  });
}
Tensor permutation(Dim count, const RandomOptions& o, Where where) {
  note_line(where);
  const std::int64_t n = count.value;
  if (n < 0 && !is_symbol(n)) fail<ShapeError>("permutation", n, " elements: the count may not be negative");
  return in_the_name_of("permutation", [&] {
    return draw(
        random_permutation_op, detail::Shape{n}, o, std::int64_t{0}, std::int64_t{0}, o.dtype.value_or(int64),
        bit(int64));
  });
}

}  // namespace random
}  // namespace keen
