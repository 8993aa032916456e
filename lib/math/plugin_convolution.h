// Convolutions by oneDNN: the functions of the table, and what a plan is.
#pragma once
#include "math/math_library.h"

namespace keen::math {

const KeenConvolutionPlan* plan_convolution(const KeenConvolution* problem);
void release_plan(const KeenConvolutionPlan* plan);
bool pack_filters(const KeenConvolutionPlan* plan, const float* filters, void* packed);
bool unpack_filters(const KeenConvolutionPlan* plan, const void* packed, float* filters);
bool convolve(const KeenConvolutionPlan* plan, float* x, void* filters, float* y, void* scratch);

}  // namespace keen::math
