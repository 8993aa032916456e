// Runs fused kernels over tensors, for the tests of this room.
#pragma once
#include <cstring>
#include <vector>

#include "catch.h"
#include "core/tensor_impl.h"
#include "fusion/launch.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"

namespace keen::test {

using detail::fusion::Access;
using detail::fusion::Kernel;
using detail::fusion::Launch;
using F = scalar::Function;

inline bool has_jit() {
  if (detail::fusion::jit_available()) return true;
  WARN("skipped: " << detail::fusion::why_no_jit());
  return false;
}

/// How a tensor lies in an iteration space that it broadcasts to.
inline Shape strides_in(const Shape& space, const Tensor& t) {
  Shape strides = Shape::filled(space.rank(), 0);
  for (int axis = 1; axis <= t.rank(); ++axis)
    if (t.shape()[-axis] != 1) strides[-axis] = t.strides()[-axis];
  return strides;
}

/// What the kernel stores: a tensor of shape `space` for an element store, else with its last `reduced` axes of size 1.
inline std::vector<Tensor> run_fused(
    const Kernel& kernel, const Shape& space, int reduced, const std::vector<Tensor>& inputs) {
  const auto facts = detail::fusion::analyse(kernel);
  std::vector<Tensor> outputs;
  std::vector<detail::Shape> strides;
  std::vector<void*> addresses;
  for (const auto& input : inputs) {
    strides.push_back(strides_in(space, input));
    addresses.push_back(detail::impl(input).data);
  }
  for (int node : kernel.stores()) {
    Shape shape = space;
    const bool per_row = facts.has_reduction && !facts.per_element[static_cast<std::size_t>(node)];
    for (int axis = space.rank() - reduced; per_row && axis < space.rank(); ++axis) shape[axis] = 1;
    outputs.push_back(detail::make_tensor(kernel[node].dtype, shape, Device()));
    strides.push_back(strides_in(space, outputs.back()));
    addresses.push_back(detail::impl(outputs.back()).data);
  }
  Launch(kernel, space, reduced, strides).run(addresses);
  return outputs;
}

/// Equal bits; any NaN equals any other.
inline bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  const auto size = size_of(a.dtype());
  const auto *p = static_cast<const char*>(detail::impl(x).data), *q = static_cast<const char*>(detail::impl(y).data);
  for (std::int64_t i = 0; i < x.size(); ++i, p += size, q += size) {
    if (std::memcmp(p, q, size) == 0) continue;
    if (a.dtype() == DType::float32) {
      float u, v;
      std::memcpy(&u, p, 4);
      std::memcpy(&v, q, 4);
      if (u != u && v != v) continue;
    }
    if (a.dtype() == DType::float64) {
      double u, v;
      std::memcpy(&u, p, 8);
      std::memcpy(&v, q, 8);
      if (u != u && v != v) continue;
    }
    return false;
  }
  return true;
}

}  // namespace keen::test
