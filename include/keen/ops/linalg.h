// Products of matrices and vectors.
#pragma once
#include "keen/operand.h"

namespace keen {

struct MatmulOptions {
  bool transpose_a = false, transpose_b = false;
};
/// (…, m, k) × (…, k, n) → (…, m, n); leading dimensions broadcast; a 1-d operand is a row on the left, a column on the
/// right, and its axis disappears. Floating and integer dtypes, which promote; bool is a DTypeError, inner dimensions that
/// differ a ShapeError.
Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {}, Where where = Where::current());
/// Σaᵢbᵢ of two vectors (n,) × (n,) → (); other ranks are a ShapeError.
Tensor dot(const Tensor& a, const Tensor& b, Where where = Where::current());

}  // namespace keen
