// The kernels of pooling and its gradients.
#include <algorithm>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/layout.h"
#include "cpu/pool_loops.h"

namespace keen::detail::cpu {
namespace {

using std::int64_t;

Pooling geometry(const Shape& x, const Shape& y, Attributes a) {
  const Shape &window = ints(a[0]), &strides = ints(a[1]), &padding = ints(a[2]);
  return {
      .h = x[1],
      .w = x[2],
      .c = x[3],
      .oh = y[1],
      .ow = y[2],
      .kh = window[0],
      .kw = window[1],
      .sy = strides[0],
      .sx = strides[1],
      .top = padding[0],
      .left = padding[2]};
}

/// Calls f(begin, end) for ranges of n things that each read `cost` elements.
template <class F>
void for_each(int64_t n, int64_t cost, F&& f) {
  parallel_for(n, std::max<int64_t>(1, elementwise_grain / std::max<int64_t>(1, cost)), f);
}
/// What a row of results reads.
int64_t row_cost(const Pooling& p) { return p.ow * p.kh * p.kw * p.c; }

}  // namespace

void max_pool2d(KernelCall& call) {
  TensorImpl& y = call.out();
  if (y.size == 0) return;
  const Pooling p = geometry(call.in(0).shape, y.shape, call.attributes);
  const Contiguous x(call.in(0));
  for_each(y.shape[0] * p.oh, row_cost(p), [&, &loops = pool_loops(y.dtype)](int64_t begin, int64_t end) {
    loops.max(p, y.data, x.data(), begin, end);
  });
}

void avg_pool2d(KernelCall& call) {
  TensorImpl& y = call.out();
  if (y.size == 0) return;
  const Pooling p = geometry(call.in(0).shape, y.shape, call.attributes);
  const Contiguous x(call.in(0));
  for_each(y.shape[0] * p.oh, row_cost(p), [&, &loops = pool_loops(y.dtype)](int64_t begin, int64_t end) {
    loops.average(p, y.data, x.data(), begin, end);
  });
}

void max_pool2d_second(KernelCall& call) {
  TensorImpl& y = call.out();
  if (y.size == 0) return;
  const Pooling p = geometry(call.in(0).shape, y.shape, call.attributes);
  const Contiguous x(call.in(0)), v(call.in(1));
  for_each(y.shape[0] * p.oh, 2 * row_cost(p), [&, &loops = pool_loops(y.dtype)](int64_t begin, int64_t end) {
    loops.pick(p, y.data, x.data(), v.data(), begin, end);
  });
}

void max_pool2d_gradient(KernelCall& call) {
  TensorImpl& dx = call.out();
  if (dx.size == 0) return;
  const Pooling p = geometry(dx.shape, call.in(1).shape, call.attributes);
  const Contiguous x(call.in(0)), dy(call.in(1));
  for_each(dx.shape[0], 2 * p.oh * row_cost(p), [&, &loops = pool_loops(dx.dtype)](int64_t begin, int64_t end) {
    loops.max_gradient(p, dx.data, x.data(), dy.data(), begin, end);
  });
}

void avg_pool2d_gradient(KernelCall& call) {
  TensorImpl& dx = call.out();
  if (dx.size == 0) return;
  const Pooling p = geometry(dx.shape, call.in(0).shape, call.attributes);
  const Contiguous dy(call.in(0));
  for_each(dx.shape[0], p.oh * row_cost(p), [&, &loops = pool_loops(dx.dtype)](int64_t begin, int64_t end) {
    loops.average_gradient(p, dx.data, dy.data(), begin, end);
  });
}

}  // namespace keen::detail::cpu
