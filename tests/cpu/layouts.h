// Tensors of all layouts with the values they must have, for tests against naive loops.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "core/tensor_impl.h"
#include "keen/creation.h"
#include "keen/ops/shape.h"

namespace keen::test {

/// A strided tensor of random numbers, and a way to read it element by element.
template <class T>
struct Strided {
  Tensor tensor;
  T at(std::int64_t index) const {
    const detail::TensorImpl& x = detail::impl(tensor);
    std::int64_t offset = 0;
    for (int i = x.shape.rank() - 1; i >= 0; --i) {
      offset += index % x.shape[i] * x.strides[i];
      index /= x.shape[i];
    }
    return x.as<T>()[offset];
  }
};

/// Random shape of `rank`, then steps, reversals, broadcasts and transpositions at random.
template <class T>
Strided<T> random_layout(std::mt19937& random, int rank, std::int64_t longest) {
  auto up_to = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n)); };
  Shape sizes, stored;
  for (int i = 0; i < rank; ++i) {
    sizes.push_back(1 + up_to(i == 0 ? longest : 9));
    stored.push_back(sizes[i] * (up_to(3) == 0 ? 2 : 1));
  }
  std::vector<T> values(static_cast<std::size_t>(stored.num_elements()));
  for (T& v : values) {
    if constexpr (std::is_floating_point_v<T>) v = static_cast<T>(random() * 0x1p-32 - 0.5);
    else v = static_cast<T>(random() % 7) - (std::is_signed_v<T> ? 3 : 0);
  }
  if (std::is_floating_point_v<T> && up_to(10) == 0) values[values.size() / 2] = static_cast<T>(std::nan(""));
  const Tensor store = constant(values, stored);
  Shape strides = store.strides();
  std::int64_t offset = 0;
  for (int i = 0; i < rank; ++i) {
    strides[i] *= stored[i] / sizes[i];
    const std::int64_t change = up_to(7);
    if (change == 0) strides[i] = 0;
    if (change == 1) {
      offset += (sizes[i] - 1) * strides[i];
      strides[i] = -strides[i];
    }
  }
  for (int i = rank - 1; i > 0; --i) {
    const auto j = static_cast<int>(up_to(i + 1));
    std::swap(sizes[i], sizes[j]);
    std::swap(strides[i], strides[j]);
  }
  return {detail::make_view(detail::impl(store), sizes, strides, offset)};
}

}  // namespace keen::test
