// Two ways to convolve: oneDNN's kernels, and products of matrices whose rows are the windows.
#pragma once
#include "math/math_library.h"

namespace keen::detail {

/// What `kind` says, from and to contiguous arrays: y = x * filters, or x or filters as the gradient that y as dy gives.
/// False, with nothing done, where the plugin has no such kernel.
bool convolve_by_onednn(const KeenConvolution& problem, float* x, float* filters, float* y);

/// The same for float and double, every stride, dilation and number of groups.
template <class T>
void convolve_by_columns(const KeenConvolution& problem, T* x, T* filters, T* y);
extern template void convolve_by_columns(const KeenConvolution&, float*, float*, float*);
extern template void convolve_by_columns(const KeenConvolution&, double*, double*, double*);

}  // namespace keen::detail
