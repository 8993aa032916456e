// Products: description with gradient, and the public functions.
#include "keen/ops/linalg.h"

#include "keen/ops/shape.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec matmul_attributes[] = {
    {"transpose_a", AttributeKind::boolean}, {"transpose_b", AttributeKind::boolean}};

// The leading dimensions of the result.
Shape batch_of(const Shape& a, const Shape& b) {
  const auto leading = [](const Shape& s) {
    return Shape(std::span(s.data(), static_cast<std::size_t>(s.rank() - 2)));
  };
  try {
    return broadcast_shapes(leading(a), leading(b));
  } catch (const ShapeError&) {
    fail<ShapeError>(
        "matmul", "shapes ", a, " and ", b, ": the leading dimensions ", leading(a), " and ", leading(b),
        " do not broadcast");
  }
}

void matmul_rule(Inference& in) {
  const Shape &a = in.shape(0), &b = in.shape(1);
  if (a.rank() < 2 || b.rank() < 2)
    fail<ShapeError>("matmul", "shapes ", a, " and ", b, ": both need at least two dimensions here");
  bool ta = boolean(in.attributes[0]), tb = boolean(in.attributes[1]);
  std::int64_t m = a[ta ? -1 : -2], k = a[ta ? -2 : -1], k2 = b[tb ? -1 : -2], n = b[tb ? -2 : -1];
  if (k != k2 && k >= 0 && k2 >= 0)
    fail<ShapeError>(
        "matmul", "shapes ", a, " and ", b, ta || tb ? " (transposed as asked)" : "", ": inner dimensions differ (", k,
        " and ", k2, ")");
  Shape& out = in.results[0].shape;
  in.results[0].dtype = in.dtype(0);
  if (a.rank() > 2 || b.rank() > 2) out = batch_of(a, b);
  out.push_back(m);
  out.push_back(n);
  check_size("matmul", out);
}

Tensor product(const Tensor& a, const Tensor& b, bool ta, bool tb);

// C = AB: dA = dC·Bᵀ, dB = Aᵀ·dC; with transposed operands the transposes move.
void matmul_gradient(Gradient& g) {
  bool ta = boolean(g.attributes()[0]), tb = boolean(g.attributes()[1]);
  Tensor dy = g.dy();
  if (g.wants(0)) g.set(0, ta ? product(g.in(1), dy, tb, true) : product(dy, g.in(1), false, !tb));
  if (g.wants(1)) g.set(1, tb ? product(dy, g.in(0), true, ta) : product(g.in(0), dy, !ta, false));
}

}  // namespace

KEEN_OP(matmul){
    .name = "matmul",
    .arity = 2,
    .attributes = matmul_attributes,
    .inputs = Inputs::promote,
    .dtypes = numeric,
    .infer = matmul_rule,
    .cpu = cpu::matmul,
    .gradient = matmul_gradient,
    .saves = {input(1), input(0)},
    .takes_tail = true,
    .formula = "a b"};

namespace {
Tensor product(const Tensor& a, const Tensor& b, bool ta, bool tb) { return run(matmul_op, {ta, tb}, a, b); }
}  // namespace
}  // namespace detail

using namespace detail;

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options, Where where) {
  note_line(where);
  int rank_a = checked(a, "matmul").shape.rank(), rank_b = checked(b, "matmul").shape.rank();
  if (rank_a == 0 || rank_b == 0)
    fail<ShapeError>(
        "matmul", "shapes ", a.shape(), " and ", b.shape(), ": a 0-d operand has no product, multiply instead");
  if (rank_a > 1 && rank_b > 1) return product(a, b, options.transpose_a, options.transpose_b);
  if ((rank_a == 1 && options.transpose_a) || (rank_b == 1 && options.transpose_b))
    fail<ShapeError>("matmul", "a vector cannot be transposed: shapes ", a.shape(), " and ", b.shape());
  const std::int64_t of_a = a.shape().raw(rank_a > 1 && options.transpose_a ? -2 : -1),
                     of_b = b.shape().raw(rank_b > 1 && !options.transpose_b ? -2 : -1);
  if (of_a != of_b && of_a >= 0 && of_b >= 0)
    fail<ShapeError>(
        "matmul", "shapes ", a.shape(), " and ", b.shape(),
        options.transpose_a || options.transpose_b ? " (transposed as asked)" : "", ": inner dimensions differ (", of_a,
        " and ", of_b, ")");
  Tensor out = product(
      rank_a == 1 ? expand_dims(a, 0) : a, rank_b == 1 ? expand_dims(b, 1) : b, options.transpose_a,
      options.transpose_b);
  detail::Shape shape = out.shape();
  if (rank_b == 1) shape.erase(shape.rank() - 1);
  if (rank_a == 1) shape.erase(shape.rank() - (rank_b == 1 ? 1 : 2));
  return reshape(out, shape);
}

Tensor dot(const Tensor& a, const Tensor& b, Where where) {
  note_line(where);
  if (checked(a, "dot").shape.rank() != 1 || checked(b, "dot").shape.rank() != 1)
    fail<ShapeError>("dot", "shapes ", a.shape(), " and ", b.shape(), ": two vectors are needed; see matmul");
  return in_the_name_of("dot", [&] { return matmul(a, b); });
}

}  // namespace keen
