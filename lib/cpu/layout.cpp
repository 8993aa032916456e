// Strided gathers by element size, and contiguous copies.
#include "cpu/layout.h"

#include "cpu/kernels.h"

namespace keen::detail::cpu {
namespace {

struct Pair { std::uint64_t low, high; };

/// Calls f with a value of an unsigned type of that size.
template <class F>
void with_size(std::size_t size, F&& f) {
  switch (size) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(std::uint32_t{});
    case 8: return f(std::uint64_t{});
    default: return f(Pair{});
  }
}

}  // namespace

void gather_strided(void* to, const void* from, std::int64_t stride, std::int64_t n, std::size_t size) noexcept {
  with_size(size, [&]<class T>(T) {
    for (std::int64_t i = 0; i < n; ++i) static_cast<T*>(to)[i] = static_cast<const T*>(from)[i * stride];
  });
}

void scatter_strided(void* to, const void* from, std::int64_t stride, std::int64_t n, std::size_t size) noexcept {
  with_size(size, [&]<class T>(T) {
    for (std::int64_t i = 0; i < n; ++i) static_cast<T*>(to)[i * stride] = static_cast<const T*>(from)[i];
  });
}

Contiguous::Contiguous(const TensorImpl& t) {
  if (t.is_contiguous()) {
    data_ = t.as<char>();
    return;
  }
  copy_ = make_tensor(t.dtype, t.shape, t.device);
  copy_strided(impl(copy_).data, t);
  data_ = impl(copy_).as<char>();
}

}  // namespace keen::detail::cpu
