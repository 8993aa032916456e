// The CPU kernels that operation descriptions name.
#pragma once
#include "core/op.h"

namespace keen::detail::cpu {

/// Any operation with a scalar function: inputs broadcast and strided as they come, all of one dtype.
void elementwise(KernelCall& call);
/// Elements of in(0) into out() of another dtype, any layout.
void cast(KernelCall& call);
/// where(condition, a, b), broadcast.
void where(KernelCall& call);

// Reductions: attributes axes (ints, normalised, ascending) and keepdims (boolean); out() has the result's dtype.
void sum(KernelCall& call);  // accumulates in out's dtype (float64 sums as float64, float32 blocked pairwise)
void prod(KernelCall& call);
void max(KernelCall& call);
void min(KernelCall& call);
void any(KernelCall& call);  // input of any dtype
void all(KernelCall& call);
void argmax(KernelCall& call);  // attributes axis (integer, normalised), keepdims
void argmin(KernelCall& call);

void gather(KernelCall& call);           // x, integer indices; attribute axis (normalised)
void scatter(KernelCall& call);          // indices (n,), updates (n, …) added into zeros of out's shape
void take_along_axis(KernelCall& call);  // x, integer indices; attribute axis
void put_along_axis(KernelCall& call);   // indices, updates added into zeros along attribute axis: its transpose
void one_hot(KernelCall& call);          // integer indices; attributes depth (1 int), dtype
void concat(KernelCall& call);           // attribute axis (normalised)
void pad(KernelCall& call);              // attributes before, after (ints), value (real)
void slice_gradient(KernelCall& call);   // dy into zeros at attributes start, step (ints), out's shape is the input's
void fill(KernelCall& call);             // 0-d value to all of out
void copy(KernelCall& call);             // any layout to contiguous

void softmax(KernelCall& call);  // attribute axis
void log_softmax(KernelCall& call);
void sparse_cross_entropy(KernelCall& call);           // labels (n,), logits (n, k) → (n,)
void sparse_cross_entropy_gradient(KernelCall& call);  // labels (n,), logits (n, k), dy (n,) → (n, k)

void random_bits(KernelCall& call);
void random_uniform(KernelCall& call);  // attributes key, position (integer), low, high (real)
void random_normal(KernelCall& call);   // attributes key, position, mean, stddev
void random_truncated_normal(KernelCall& call);
void random_integers(KernelCall& call);     // attributes key, position, low, high (integer)
void random_permutation(KernelCall& call);  // attributes key, position

void matmul(KernelCall& call);  // (…, m, k), (…, k, n), ranks ≥ 2; attributes transpose_a, transpose_b
void conv2d(KernelCall& call);  // x, filters; attributes strides, padding (before/after, 4 ints), dilation, groups
void conv2d_input_gradient(KernelCall& call);   // filters, dy → x's shape; the same attributes
void conv2d_filter_gradient(KernelCall& call);  // x, dy → filters' shape
void max_pool2d(KernelCall& call);              // attributes window, strides, padding (4 ints)
void max_pool2d_gradient(KernelCall& call);     // x, dy → x's shape
void max_pool2d_second(KernelCall& call);       // x, ddx → dy's shape: ddx picked where the maximum was
void avg_pool2d(KernelCall& call);
void avg_pool2d_gradient(KernelCall& call);  // dy → x's shape (attribute shape)

/// Copies elements between layouts: `to` (contiguous) from a strided tensor of the same dtype.
void copy_strided(void* to, const TensorImpl& from);
/// Converts n contiguous elements.
void convert(DType to_type, void* to, DType from_type, const void* from, std::int64_t n);

}  // namespace keen::detail::cpu
