// Strided copies by element size, and contiguous copies of tensors.
#include "cpu/layout.h"

#include <cstring>

#include "cpu/kernels.h"

namespace keen::detail::cpu {
void copy_elements(
    void* to, std::int64_t to_stride, const void* from, std::int64_t from_stride, std::int64_t n,
    std::size_t size) noexcept {
  if (n == 0) return;
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * size);
    return;
  }
  with_size(size, [&]<class T>(T) {
    auto* a = static_cast<T*>(to);
    auto* b = static_cast<const T*>(from);
    if (to_stride == 1) {
      for (std::int64_t i = 0; i < n; ++i) a[i] = b[i * from_stride];
    } else {
      for (std::int64_t i = 0; i < n; ++i) a[i * to_stride] = b[i * from_stride];
    }
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
