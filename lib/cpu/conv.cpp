// The kernels of convolution and its two gradients: which way suits a shape.
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/layout.h"
#include "math/convolution.h"

namespace keen::detail::cpu {
namespace {

KeenConvolution geometry(std::int64_t kind, const Shape& x, const Shape& filters, const Shape& y, Attributes a) {
  const Shape &strides = ints(a[0]), &padding = ints(a[1]), &dilation = ints(a[2]);
  return {
      .kind = kind,
      .n = x[0],
      .h = x[1],
      .w = x[2],
      .c = x[3],
      .kh = filters[0],
      .kw = filters[1],
      .out = filters[3],
      .oh = y[1],
      .ow = y[2],
      .stride_y = strides[0],
      .stride_x = strides[1],
      .top = padding[0],
      .bottom = padding[1],
      .left = padding[2],
      .right = padding[3],
      .dilation_y = dilation[0],
      .dilation_x = dilation[1],
      .groups = integer(a[3])};
}

/// Only what `kind` names is written.
void convolve(DType dtype, const KeenConvolution& problem, const void* x, const void* filters, const void* y) {
  auto run = [&]<class T>(T) {
    auto *px = static_cast<T*>(const_cast<void*>(x)), *pf = static_cast<T*>(const_cast<void*>(filters)),
         *py = static_cast<T*>(const_cast<void*>(y));
    if constexpr (std::is_same_v<T, float>)
      if (convolve_by_onednn(problem, px, pf, py)) return;
    convolve_by_columns(problem, px, pf, py);
  };
  if (dtype == DType::float32) run(0.f);
  else run(0.0);
}

/// A gradient to which nothing contributes.
bool is_zero(TensorImpl& out, const TensorImpl& a, const TensorImpl& b) {
  if (out.size == 0) return true;
  if (a.size != 0 && b.size != 0) return false;
  std::memset(out.data, 0, static_cast<std::size_t>(out.size) * size_of(out.dtype));
  return true;
}

}  // namespace

void conv2d(KernelCall& call) {
  const TensorImpl &x = call.in(0), &filters = call.in(1);
  TensorImpl& y = call.out();
  if (is_zero(y, x, filters)) return;
  const Contiguous dense_x(x), dense_filters(filters);
  convolve(
      y.dtype, geometry(KeenConvolution::forward, x.shape, filters.shape, y.shape, call.attributes), dense_x.data(),
      dense_filters.data(), y.data);
}

void conv2d_input_gradient(KernelCall& call) {
  const TensorImpl &filters = call.in(0), &dy = call.in(1);
  TensorImpl& dx = call.out();
  if (is_zero(dx, filters, dy)) return;
  const Contiguous dense_filters(filters), dense_dy(dy);
  convolve(
      dx.dtype, geometry(KeenConvolution::input_gradient, dx.shape, filters.shape, dy.shape, call.attributes), dx.data,
      dense_filters.data(), dense_dy.data());
}

void conv2d_filter_gradient(KernelCall& call) {
  const TensorImpl &x = call.in(0), &dy = call.in(1);
  TensorImpl& out = call.out();
  if (is_zero(out, x, dy)) return;
  const Contiguous dense_x(x), dense_dy(dy);
  convolve(
      out.dtype, geometry(KeenConvolution::filter_gradient, x.shape, out.shape, dy.shape, call.attributes),
      dense_x.data(), out.data, dense_dy.data());
}

}  // namespace keen::detail::cpu
