// Sizes as tensors, what counts up to them, and sizes in the mathematical functions of one number.
#include <cmath>
#include <numeric>

#include "core/context.h"
#include "keen/ops/math.h"
#include "ops/creation.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};

}  // namespace

// An operation because an open size becomes known with each call: a replay binds the symbols of its attribute.
KEEN_OP(size){
    .name = "size",
    .arity = 0,
    .attributes = shape_attribute,
    .infer =
        [](Inference& in) {
          in.results[0] = {DType::int64, {}};
        },
    .cpu =
        [](KernelCall& call) {  // may be negative, as a difference of sizes
          std::int64_t n = 1;
          for (auto dim : ints(call.attributes[0])) n *= dim;
          *call.out().as<std::int64_t>() = n;
        },
    .differentiable = Differentiable::no,
    .formula = "number of elements of a shape"};

KEEN_OP(positions){
    .name = "positions",
    .arity = 0,
    .attributes = shape_attribute,
    .infer =
        [](Inference& in) {
          check_size("range", ints(in.attributes[0]));
          in.results[0] = {DType::int64, ints(in.attributes[0])};
        },
    .cpu =
        [](KernelCall& call) {
          auto* out = call.out().as<std::int64_t>();
          std::iota(out, out + call.out().size, std::int64_t{0});
        },
    .differentiable = Differentiable::no,
    .formula = "0 ... n - 1"};

Tensor positions(Size n) {
  DeviceScope on_the_host{Device()};
  return run(positions_op, {Shape{n}});
}

}  // namespace detail

Tensor::Tensor(Size size) {
  if (!size.is_known() && detail::thread_context.interpreter) {
    DeviceScope on_the_host{Device()};
    *this = detail::run(detail::size_op, {Shape{size}});
  } else {
    const std::int64_t n = size;  // throws for one that is open and nobody knows which
    *this = detail::scalar_tensor(DType::int64, &n);
  }
}

// As a double; an error for an open size.
#define KEEN_OF_SIZE(name) \
  double name(Size n) { return std::name(static_cast<double>(std::int64_t{n})); }
KEEN_OF_SIZE(abs)
KEEN_OF_SIZE(ceil)
KEEN_OF_SIZE(cos)
KEEN_OF_SIZE(erf)
KEEN_OF_SIZE(exp)
KEEN_OF_SIZE(expm1)
KEEN_OF_SIZE(floor)
KEEN_OF_SIZE(log)
KEEN_OF_SIZE(log1p)
KEEN_OF_SIZE(round)
KEEN_OF_SIZE(sin)
KEEN_OF_SIZE(sqrt)
KEEN_OF_SIZE(tanh)
#undef KEEN_OF_SIZE

}  // namespace keen
